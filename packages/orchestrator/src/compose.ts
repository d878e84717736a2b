import {
  BUCKETS,
  type Bus,
  type BusStatus,
  connectBus,
  ensureTopology,
  Liveness,
  newId,
  OrchestratorId,
  openBlobs,
  openCredentialMint,
  openLog as openFactLog,
  openRecords,
  openTaskQueue,
  RunRecord,
} from '@specfleet/shared'
import { openApi } from './api/nats.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import { openControlSender } from './control/sender.ts'
import { BlobJanitor } from './desk/blob-janitor.ts'
import { openDesk } from './desk/desk.ts'
import { lifeOf } from './desk/incarnation.ts'
import { Memory } from './desk/memory.ts'
import { RunBlobs } from './desk/run-blobs.ts'
import { Emitter } from './emitter.ts'
import { openFactWriter } from './facts.ts'
import { Meter } from './gateway/meter.ts'
import { Purse } from './gateway/purse.ts'
import { openTunnel } from './gateway/tunnel.ts'
import type { ModelUpstream } from './gateway/upstreams/upstream.ts'
import { packageVersion, thisProcess } from './identity.ts'
import { openClaims } from './intake/claim.ts'
import { Consumer } from './intake/consumer.ts'
import { Projector } from './ledger/projector.ts'
import { Refusals } from './ledger/refusals.ts'
import { loadViews, View, ViewWriter } from './ledger/views.ts'
import type { Log } from './log.ts'
import type { SandboxProvider } from './providers/provider.ts'
import { Semaphore } from './semaphore.ts'
import { openSources, type Sources } from './source/source.ts'
import { AccountJanitor } from './supervisor/account-janitor.ts'
import { BeatListener } from './supervisor/beat-listener.ts'
import type { Crew } from './supervisor/crew.ts'
import { watchHearing } from './supervisor/hearing.ts'
import { Heartbeats } from './supervisor/heartbeats.ts'
import { Peers } from './supervisor/liveness.ts'
import { RunTable } from './supervisor/run-table.ts'
import { SandboxTable } from './supervisor/sandbox-table.ts'
import { Slots } from './supervisor/slots.ts'
import { Starts } from './supervisor/starts.ts'
import { Supervisor } from './supervisor/supervisor.ts'
import { Uptimes } from './supervisor/uptimes.ts'

export type Collaborators = {
  readonly clock: Clock
  readonly log: Log
  /** From 0 to 1. */
  readonly random: () => number
  /** Opens the engine; called once the bus is there. */
  readonly openProvider: () => Promise<SandboxProvider & AsyncDisposable>
  readonly upstream: ModelUpstream
}

export type Orchestrator = AsyncDisposable & {
  readonly id: OrchestratorId
  readonly provider: string
  readonly isolation: string
  readonly upstream: string
  readonly slots: number
  /** Settles when it cannot go on: a connection of its two was closed for good, or what it follows can no longer be read. */
  readonly failed: Promise<Error>
  /** Takes nothing on any more and lets every worker come to a good end; resolves when none is left. */
  drain(signal: AbortSignal): Promise<void>
  /** Ends every sandbox of its own now. */
  force(signal: AbortSignal): Promise<void>
}

/** The only place where the parts meet: starts them in order; disposing stops them in reverse. */
export async function startOrchestrator(config: Config, collaborators: Collaborators): Promise<Orchestrator> {
  await using parts = new AsyncDisposableStack()
  const id = OrchestratorId.parse(newId())
  const log = collaborators.log.with({ orchestrator: id })
  const startedAt = collaborators.clock.now().toISOString()
  const world: Foundation = { ...collaborators, id, config, log, startedAt, status: new Emitter<BusStatus>() }

  const { bus, system } = await connect(world, parts)
  const stores = await openStores(world, bus)
  const { ledger, ledgerFailed, viewsBroken } = await openLedger(world, stores, parts)
  const table = parts.use(new RunTable({ records: stores.runs, log }))
  await table.start()
  const facts = openFactWriter({ log: stores.factLog, clock: world.clock }, 'supervisor')
  const refusals = parts.use(new Refusals({ facts, table, clock: world.clock, log }))
  const provider = parts.use(await collaborators.openProvider())
  const slots = new Slots({ table }, { total: config.slots, me: id })
  let draining = false
  const self = describeSelf(world, provider)
  const at = () => world.clock.now().toISOString()
  const describe = () => ({ ...self, at: at(), draining, slots: slots.total, busy: slots.busy })
  const peers = parts.use(new Peers({ records: stores.orchestrators, clock: world.clock, log }, describe))
  await peers.start()

  const crew = await openCrew(world, { ...stores, bus, system, ledger, table, provider }, parts)
  parts.use(
    crew.sandboxes.refused.on(({ labels, by, count, lastReason }) =>
      refusals.note(labels, { by, count, reason: lastReason }),
    ),
  )
  parts.use(new AccountJanitor({ ...crew, isSweeper: () => peers.isEldest }, { everyMs: config.accountSweepMs }))
  parts.use(new BlobJanitor({ ...crew, ...stores, isSweeper: () => peers.isEldest }))
  const supervisor = supervise(world, crew, { peers, slots, refusals }, parts)
  const sources = openSources({ blobs: stores.blobs }, { env: config.toolEnv, maxBytes: config.sourceMaxBytes })
  openDoors(world, { ...crew, ...stores, peers, sources, refusals }, parts)
  const writing = { records: stores.specs, ledger, clock: world.clock, log, isWriter: () => peers.isEldest }
  parts.use(new ViewWriter(writing, { rewrite: viewsBroken }))
  const intake = openIntake(world, { ...crew, ...stores, sources }, parts)

  // What was subscribed to is at the server: whoever is told that we are ready finds us there.
  await bus.flush()
  const closed = [bus, system].map(
    async (each) => (await each.closed) ?? new Error(`connection "${each.name}" was closed`),
  )
  const started = parts.move()
  return {
    id,
    provider: provider.name,
    isolation: provider.isolation,
    upstream: collaborators.upstream.name,
    slots: slots.total,
    failed: Promise.race([ledgerFailed, table.failed, peers.failed, ...closed]),
    async drain(signal) {
      draining = true
      await intake[Symbol.asyncDispose]()
      await supervisor.drain(signal)
    },
    force: (signal) => supervisor.force(signal),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

type Foundation = Collaborators & {
  readonly id: OrchestratorId
  readonly config: Config
  readonly startedAt: string
  readonly status: Emitter<BusStatus>
}

async function connect({ id, config, log, status }: Foundation, parts: AsyncDisposableStack) {
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

type Stores = Awaited<ReturnType<typeof openStores>>

async function openStores({ log }: Foundation, bus: Bus) {
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

async function openLedger({ config, log }: Foundation, { factLog, specs }: Stores, parts: AsyncDisposableStack) {
  const floodFactsPerSecond = config.floodFactsPerSecond
  const { broken, ...views } = await loadViews(specs, factLog)
  const ledger = new Projector({ log: factLog }, { ...views, floodFactsPerSecond })
  ledger.onChange(({ refused }) => {
    // One line a batch: who floods the log of a spec is not to flood ours.
    if (refused.length > 0) log.warn('facts.refused', { count: refused.length, first: refused[0] })
  })
  const stop = new AbortController()
  const following = ledger.run(stop.signal)
  const ledgerFailed = following.then(
    () => new Error('the log is no longer followed'),
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  )
  parts.defer(async () => {
    stop.abort(new Error('the ledger closes'))
    await ledgerFailed
  })
  await ledger.caughtUp(await factLog.lastSeq(), stop.signal)
  log.info('ledger.ready', { foldedTo: ledger.foldedTo })
  return { ledger, ledgerFailed, viewsBroken: broken }
}

const describeSelf = ({ id, startedAt }: Foundation, { engine }: SandboxProvider) => ({
  v: 1 as const,
  id,
  engines: [engine],
  ...thisProcess(),
  startedAt,
  version: packageVersion(),
})

type Found = Pick<Crew, 'bus' | 'ledger' | 'table' | 'provider' | 'blobs' | 'factLog'> & { readonly system: Bus }

async function openCrew(world: Foundation, found: Found, parts: AsyncDisposableStack): Promise<Crew> {
  const { config, clock, log, random } = world
  const { bus, system, provider, factLog } = found
  const { operatorSigningSeed, appAccountId } = config.nats
  const now = () => clock.now()
  const mint = parts.use(openCredentialMint({ system, app: bus, operatorSigningSeed, appAccountId, now }))
  const sandboxes = parts.use(new SandboxTable({ provider, clock, log }))
  await sandboxes.start()
  return {
    ...found,
    mint,
    sandboxes,
    facts: openFactWriter({ log: factLog, clock }, 'supervisor'),
    uptimes: new Uptimes({ clock }, { mostMs: config.limits.wallClockMinutes * 60_000 }),
    heartbeats: new Heartbeats({ clock }, { beatMs: config.heartbeatLimitMs, bootMs: config.bootLimitMs }),
    control: openControlSender({ bus, clock }),
    clock,
    log,
    starts: new Starts({ clock }, { atOnce: config.cores }),
    random,
  }
}

function supervise(
  { id, config, status, clock, log }: Foundation,
  crew: Crew,
  { peers, slots, refusals }: { peers: Peers; slots: Slots; refusals: Refusals },
  parts: AsyncDisposableStack,
): Supervisor {
  const beats = new BeatListener({ ...crew, log, refusals })
  const options = { ...config, me: id }
  const supervisor = parts.use(new Supervisor(crew, { peers, slots, beats }, options))
  parts.use(watchHearing({ status, clock, log }, [peers, supervisor]))
  supervisor.start()
  return supervisor
}

type Doors = Crew & Stores & { readonly peers: Peers; readonly sources: Sources; readonly refusals: Refusals }

function openDoors(world: Foundation, doors: Doors, parts: AsyncDisposableStack): void {
  const { config, clock, log, upstream } = world
  const { bus, ledger, factLog, table, blobs, memory, runBlobs, provider, refusals } = doors
  const free = upstream.offline
  const meter = new Meter({ free })
  const purse = new Purse({ ledger, facts: openFactWriter({ log: factLog, clock }, 'gateway'), free })
  parts.use(
    openDesk({
      bus,
      table,
      clock,
      log,
      memory,
      refusals,
      resume: { bus, ledger, factLog, upstream: upstream.name, model: config.model },
      blobs: { blobs, maxBytes: config.blobMaxBytes, maxBytesOfRun: config.runBlobsMaxBytes, runBlobs },
      model: openTunnel({ upstream, meter, purse, clock, log, lifeOf: (run) => lifeOf(table, run) }),
    }),
  )
  const facts = openFactWriter({ log: factLog, clock }, 'api')
  parts.use(openApi({ ...doors, facts, provider: provider.name }))
}

/** Sources that are fetched at a time, each by a process of its own. */
const FETCHES_AT_ONCE = 8

type Intake = Crew & Stores & { readonly sources: Sources }

function openIntake({ config, clock, log }: Foundation, intake: Intake, parts: AsyncDisposableStack): AsyncDisposable {
  const { bus, table, ledger, factLog, queue, sources, provider } = intake
  const stop = new AbortController()
  const fetches = new Semaphore(FETCHES_AT_ONCE)
  const fetchSource: Sources['fetch'] = (source, signal) => fetches.run(() => sources.fetch(source, signal))
  const options = { provider: provider.name }
  const facts = openFactWriter({ log: factLog, clock }, 'intake')
  const accept = openClaims({ bus, table, ledger, factLog, facts, clock, log, fetchSource }, options, stop.signal)
  const consumer = new Consumer({ queue, table, clock, log, accept }, { backlogLimit: config.backlogLimit })
  // Who runs nothing takes nothing on: it is there for its doors and its views.
  if (config.slots > 0) consumer.start()
  return parts.use({
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('intake stops'))
      await consumer[Symbol.asyncDispose]()
    },
  })
}
