import { type BusStatus, newId, OrchestratorId } from '@specfleet/shared'
import { openCrew, supervise } from './compose/crew.ts'
import { openDoors } from './compose/doors.ts'
import { type Collaborators, connect, type Foundation, openStores } from './compose/foundation.ts'
import { openIntake } from './compose/intake.ts'
import { openLedger } from './compose/ledger.ts'
import type { Config } from './config.ts'
import { BlobJanitor } from './desk/blob-janitor.ts'
import { Emitter } from './emitter.ts'
import { Engines } from './engines/engines.ts'
import { requireServed } from './engines/policy.ts'
import { openFactWriter } from './facts.ts'
import { packageVersion, thisProcess } from './identity.ts'
import { Refusals } from './ledger/refusals.ts'
import { ViewWriter } from './ledger/views.ts'
import { openSources } from './source/source.ts'
import { AccountJanitor } from './supervisor/account-janitor.ts'
import { Peers } from './supervisor/liveness.ts'
import { RunTable } from './supervisor/run-table.ts'
import { Slots } from './supervisor/slots.ts'
import { Starts } from './supervisor/starts.ts'

/** One orchestrator at work. Disposing gives up what it holds; its sandboxes go on. */
export type Orchestrator = AsyncDisposable & {
  readonly id: OrchestratorId
  /** Those it makes sandboxes with, in overflow order. */
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
  const starts = new Starts({ clock: world.clock }, { atOnce: config.cores })
  const engines = await openEngines(world, starts, parts)
  const slots = new Slots({ table }, { total: config.slots, me: id })
  let draining = false
  const self = describeSelf(world, engines)
  const at = () => world.clock.now().toISOString()
  const describe = () => ({ ...self, at: at(), draining, slots: slots.total, busy: slots.busy, sick: engines.sick })
  const peers = parts.use(new Peers({ records: stores.orchestrators, clock: world.clock, log }, describe))
  await peers.start()

  const crew = openCrew(world, { ...stores, bus, system, ledger, table, engines, starts }, parts)
  parts.use(
    engines.refused.on(({ labels, by, count, lastReason }) => refusals.note(labels, { by, count, reason: lastReason })),
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
    provider: engines.all.map(({ provider }) => provider.name).join(','),
    isolation: describeIsolation(engines),
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

/** What they have is known when this resolves, as far as they can be listed. */
async function openEngines(
  { config, clock, log, openProviders }: Foundation,
  starts: Starts,
  parts: AsyncDisposableStack,
): Promise<Engines> {
  const providers = (await openProviders((signal) => starts.spare(signal))).map((provider) => parts.use(provider))
  const options = { slotsOf: config.providerSlots, slots: config.slots, breaker: config.breaker }
  const engines = parts.use(new Engines({ providers, clock, log }, options))
  requireServed({ ...config, offers: engines.offers })
  await engines.start()
  return engines
}

function describeIsolation({ all }: Engines): string {
  const [only, ...others] = all.map(({ provider }) => provider)
  if (only !== undefined && others.length === 0) return only.isolation
  return all.map(({ provider: { name, isolation } }) => `${name}: ${isolation}`).join('; ')
}

const describeSelf = ({ id, startedAt }: Foundation, { all }: Engines) => ({
  v: 1 as const,
  id,
  engines: all.map(({ engine }) => engine),
  ...thisProcess(),
  startedAt,
  version: packageVersion(),
})
