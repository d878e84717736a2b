import {
  BUCKETS,
  type Bus,
  type BusStatus,
  connectBus,
  ensureTopology,
  Liveness,
  type OrchestratorId,
  openBlobs,
  openLog as openFactLog,
  openRecords,
  openTaskQueue,
  RunRecord,
} from '@specfleet/shared'
import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import { Memory } from '../desk/memory.ts'
import { RunBlobs } from '../desk/run-blobs.ts'
import type { Emitter } from '../emitter.ts'
import type { ModelUpstream } from '../gateway/upstreams/upstream.ts'
import { View } from '../ledger/views.ts'
import type { Log } from '../log.ts'
import type { SpareTurn } from '../providers/pool-size.ts'
import type { SandboxProvider } from '../providers/provider.ts'

/** What an orchestrator is given from outside. */
export type Collaborators = {
  readonly clock: Clock
  readonly log: Log
  /** From 0 to 1. */
  readonly random: () => number
  /** Opens the engines, in overflow order; called once the bus is there. What they make ahead of need waits for its turn. */
  readonly openProviders: (turn: SpareTurn) => Promise<readonly (SandboxProvider & AsyncDisposable)[]>
  readonly upstream: ModelUpstream
}

/** What every part may stand on. */
export type Foundation = Collaborators & {
  readonly id: OrchestratorId
  readonly config: Config
  readonly startedAt: string
  readonly status: Emitter<BusStatus>
}

/** A connection for the work, and one that may only push credentials. */
export async function connect({ id, config, log, status }: Foundation, parts: AsyncDisposableStack) {
  const { url, creds, systemCreds, replicas } = config.nats
  const onStatus = (change: BusStatus) => {
    log.info('bus.status', change)
    status.emit(change)
  }
  const bus = await connectBus({ url, name: `orchestrator ${id}`, onStatus, ...(creds === undefined ? {} : { creds }) })
  parts.use(bus)
  const system = parts.use(await connectBus({ url, name: `credential mint ${id}`, creds: systemCreds }))
  const topology = await ensureTopology(bus, { replicas })
  if (topology.created.length + topology.migrated.length > 0) log.info('bus.topology', topology)
  return { bus, system }
}

/** What is kept on the bus, each by its door. */
export type Stores = Awaited<ReturnType<typeof openStores>>

export async function openStores({ log }: Foundation, bus: Bus) {
  const onMalformed = (key: string, reason: string) => log.error('record.malformed', { key, reason })
  const [blobs, queue, runs, orchestrators, specs, memory, runBlobs] = await Promise.all([
    openBlobs(bus),
    openTaskQueue(bus),
    openRecords(bus, BUCKETS.runs, RunRecord, { onMalformed }),
    openRecords(bus, BUCKETS.orchestrators, Liveness, { onMalformed }),
    openRecords(bus, BUCKETS.specs, View, { onMalformed }),
    openRecords(bus, BUCKETS.memory, Memory, { onMalformed }),
    openRecords(bus, BUCKETS.runBlobs, RunBlobs, { onMalformed }),
  ])
  return { factLog: openFactLog(bus), blobs, queue, runs, orchestrators, specs, memory, runBlobs }
}
