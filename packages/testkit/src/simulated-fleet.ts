import type { Demand, PlacedRun, RunRecord } from '@specfleet/shared'
import {
  isOwned,
  isPlaced,
  OrchestratorId,
  type Placement,
  type RunId,
  type SandboxId,
  sandboxIdOf,
  TaskInput,
  withIds,
} from '@specfleet/shared'
import type { Admission } from '../../orchestrator/src/engines/breaker.ts'
import { freePlaces, type Offer, Room, type Wish } from '../../orchestrator/src/engines/room.ts'
import { claimOf } from '../../orchestrator/src/intake/admission.ts'
import type { Sandbox } from '../../orchestrator/src/providers/provider.ts'
import { aftermath } from '../../orchestrator/src/supervisor/aftermath.ts'
import { Backlog } from '../../orchestrator/src/supervisor/backlog.ts'
import {
  claimedBy,
  over,
  ownedBy,
  released,
  runningSince,
  startingAt,
  unparked,
} from '../../orchestrator/src/supervisor/transitions.ts'
import type {
  Action,
  ActiveRun,
  Asked,
  EngineView,
  QueuedRecord,
  QueuedRun,
  World,
} from '../../orchestrator/src/supervisor/world.ts'

export const ME = OrchestratorId.parse('me')
export const OTHER = OrchestratorId.parse('other')
export const DEAD = OrchestratorId.parse('dead')
const START = Date.parse('2026-11-20T12:00:00.000Z')
const EXIT = { code: 1, signal: null, oom: false, pids: false, output: false, wallClock: false, logTail: [] }
export const WORK: Demand = { kind: 'work', stale: false }
const ANY: Wish = { provider: undefined, image: false }
const stamp = (now: number) => ({ now: new Date(now), foldedTo: 0 })

const queued = (name: string, place: number) =>
  claimOf(
    withIds(TaskInput.parse({ kind: 'prompt', text: name, taskId: name }), () => never()),
    null,
    place,
    new Date(START),
  )
const never = (): never => {
  throw new Error('the task has an id')
}
const placementAt = (run: RunRecord, engine: string) => ({
  epoch: run.epoch + 1,
  sandboxId: sandboxIdOf(run.runId, run.epoch + 1),
  provider: 'test',
  engine,
  account: `account of ${run.runId} ${run.epoch + 1}`,
})

export type SimulatedEngine = Offer & {
  readonly engine: string
  slots: number
  admission: Admission
  listed: boolean
}
const HERE: SimulatedEngine = {
  engine: 'here',
  provider: 'test',
  images: false,
  slots: 100,
  admission: 'all',
  listed: true,
}

/** A fleet whose actions succeed, so that what follows from decisions can be watched. */
export class SimulatedFleet {
  now = START
  draining = false
  readonly runs = new Map<RunId, RunRecord>()
  readonly sandboxes = new Map<SandboxId, Sandbox>()
  readonly demands = new Map<RunId, Demand>()
  readonly accounts = new Map<string, RunId>()
  readonly asked = new Map<SandboxId, Asked>()
  readonly slots: number
  readonly engines: SimulatedEngine[]
  readonly seats = new Map<RunId, string>()
  /** What a run asks of its engine; nothing, unless it is here. */
  readonly wishes = new Map<RunId, Wish>()
  /** On which engine each sandbox is. */
  readonly #where = new Map<SandboxId, string>()

  constructor(slots = 100, engines: readonly Partial<SimulatedEngine>[] = [{}]) {
    this.slots = slots
    this.engines = engines.map((engine) => ({ ...HERE, ...engine }))
  }

  /** Whether what the engines have can be told. */
  set listed(listed: boolean) {
    for (const engine of this.engines) engine.listed = listed
  }

  add(
    name: string,
    state: RunRecord['state'],
    options: {
      owner?: OrchestratorId
      engine?: string
      /** What the log asks of it. */
      demand?: Demand
      wish?: Wish
      sandbox?: 'running' | 'exited' | 'none'
    } = {},
  ): void {
    const { owner = ME, engine = 'here', demand = WORK, sandbox = 'running' } = options
    const waits = queued(name, this.runs.size + 1)
    const run = claimedBy(waits, owner, stamp(this.now))
    this.demands.set(run.runId, demand)
    if (options.wish !== undefined) this.wishes.set(run.runId, options.wish)
    const placement = placementAt(run, engine)
    const made = startingAt(run, placement, stamp(this.now))
    const placed: RunRecord = state === 'running' ? runningSince(made, stamp(this.now)) : made
    const wait = { kind: 'wait', why: 'backoff', delayMs: 500, failures: 1, lost: { kind: 'oom' } } as const
    const park = { kind: 'park', reason: 'enough', failures: 3, lost: undefined } as const
    const settle = { kind: 'settle', outcome: 'done', reason: undefined } as const
    const record = {
      queued: waits,
      claimed: run,
      starting: placed,
      running: placed,
      waiting: over(made, wait, stamp(this.now)),
      parked: over(made, park, stamp(this.now)),
      settled: over(made, settle, stamp(this.now)),
    }[state]
    this.runs.set(run.runId, record)
    if (isPlaced(record)) this.accounts.set(placement.account, run.runId)
    const isReached = this.engines.some((one) => one.engine === engine)
    if (sandbox !== 'none' && state !== 'claimed' && state !== 'queued' && isReached)
      this.#make(record, placement, sandbox)
  }

  #make(
    run: RunRecord,
    { sandboxId: id, epoch, engine }: Pick<Placement, 'sandboxId' | 'epoch' | 'engine'>,
    state: 'running' | 'exited',
  ): void {
    this.#where.set(id, engine)
    const labels = {
      fleet: 'f',
      specId: run.specId,
      runId: run.runId,
      epoch,
      expiresAt: new Date(START + 3_600_000).toISOString(),
    }
    this.sandboxes.set(id, {
      id,
      labels,
      state: state === 'running' ? { kind: 'running' } : { kind: 'exited', exit: EXIT },
    })
  }

  get active(): ActiveRun[] {
    return [...this.runs.values()].filter((run): run is ActiveRun => run.state !== 'settled' && run.state !== 'queued')
  }

  get queued(): QueuedRecord[] {
    return [...this.runs.values()].filter((run) => run.state === 'queued')
  }

  world(): World {
    const free = this.slots - this.active.filter((run) => isOwned(run) && run.owner === ME).length
    const backlog = new Backlog()
    for (const run of this.runs.values()) backlog.saw(run)
    const demandOf = ({ runId }: QueuedRun) => this.demands.get(runId)?.kind
    const engines = this.#look()
    const room = new Room([...engines.values()])
    const wish = ({ runId }: { runId: RunId }) => this.wishes.get(runId) ?? ANY
    return {
      me: ME,
      engines,
      seats: new Map(this.seats),
      wish,
      now: this.now,
      draining: this.draining,
      free,
      stopGraceMs: 5_000,
      pauseGraceMs: 60_000,
      adoptionGraceMs: 10_000,
      runs: this.active,
      queued: backlog.next(free, {
        inHand: new Set(),
        mayStart: (run) => demandOf(run) === 'work' && room.has(wish(run)),
        onChosen: (run) => void room.take(wish(run)),
      }),
      recalled: [...backlog.all()].filter((run) => demandOf(run) === 'end' || demandOf(run) === 'parked'),
      settledEpoch: (runId) => {
        const run = this.runs.get(runId)
        return run?.state === 'settled' ? run.epoch : undefined
      },
      busy: new Set(),
      deadForMs: (owner) => (owner === DEAD ? this.now - START : undefined),
      lateMs: () => undefined,
      flooding: new Set(),
      asked: this.asked,
      dueAt: ({ until }) => Date.parse(until),
      expiresAt: ({ labels }) => Date.parse(labels.expiresAt),
      demand: (run) => this.demands.get(run.runId),
    }
  }

  /** Runs of ours that have a sandbox on an engine, or are on their way there. */
  heldAt(engine: string): ActiveRun[] {
    return this.active.filter(
      (run) =>
        isOwned(run) &&
        run.owner === ME &&
        (isPlaced(run) ? run.placement.engine === engine : this.seats.get(run.runId) === engine),
    )
  }

  #look(): Map<string, EngineView> {
    for (const [runId, engine] of this.seats) {
      const run = this.runs.get(runId)
      const mayCome = this.engines.some((one) => one.engine === engine && one.admission !== 'none')
      if (run?.state !== 'claimed' || run.owner !== ME || !mayCome) this.seats.delete(runId)
    }
    return new Map(
      this.engines.map(({ engine, provider, images, slots, admission, listed }) => {
        const held = this.heldAt(engine)
        const pending = held.filter(({ state }) => state !== 'running').length
        const free = freePlaces(slots, admission, { held: held.length, pending })
        const there = [...this.sandboxes].filter(([id]) => (this.#where.get(id) ?? engine) === engine)
        return [engine, { engine, provider, images, free, sandboxes: listed ? new Map(there) : undefined }]
      }),
    )
  }

  apply(action: Action, fate: 'lives' | 'dies'): void {
    const at = stamp(this.now)
    if ('engine' in action && action.kind !== 'destroy' && action.engine !== undefined)
      this.seats.set(action.run.runId, action.engine)
    switch (action.kind) {
      case 'start':
        for (const run of this.queued) if (run.runId === action.run.runId) this.#put(claimedBy(run, ME, at))
        return
      case 'take':
        return void this.#put(claimedBy(action.run, ME, at))
      case 'unpark':
        return void this.#put(unparked(action.run, at))
      case 'release':
        return void this.#put(released(action.run, at))
      case 'adopt':
        return void this.#put(ownedBy(action.run, ME, at))
      case 'ask':
        return void this.asked.set(action.run.placement.sandboxId, { command: action.command, at: this.now })
      case 'confirm':
        return void this.#put(runningSince(action.run, at))
      case 'destroy':
        return void this.sandboxes.delete(action.sandbox.id)
      case 'advance':
        this.#advance(action.run, action.engine, fate)
        return
      case 'bury':
        this.#bury(action.run, action.evidence.kind === 'overdue', fate === 'lives')
        return
    }
  }

  #advance(run: Extract<RunRecord, { state: 'claimed' }>, engine: string | undefined, fate: 'lives' | 'dies'): void {
    if ([...this.accounts.values()].includes(run.runId))
      throw new Error(`an epoch of ${run.runId} begins while an earlier one can still be heard`)
    const demand = this.demands.get(run.runId) ?? WORK
    if (demand.kind !== 'work') {
      this.#end(run, true)
      return
    }
    this.demands.set(run.runId, WORK)
    if (engine === undefined) throw new Error(`an epoch of ${run.runId} begins without a place`)
    const starting = startingAt(run, placementAt(run, engine), stamp(this.now))
    this.accounts.set(starting.placement.account, run.runId)
    this.#make(run, starting.placement, fate === 'lives' ? 'running' : 'exited')
    this.#put(runningSince(starting, stamp(this.now)))
  }

  #bury(run: PlacedRun, asked: boolean, progressed: boolean): void {
    this.accounts.delete(run.placement.account)
    this.#end(run, asked, progressed)
    // What goes on at once leaves its remains to be found.
    if (this.runs.get(run.runId)?.state !== 'claimed') this.sandboxes.delete(run.placement.sandboxId)
  }

  #end(run: Extract<RunRecord, { state: 'claimed' }> | PlacedRun, asked: boolean, progressed = false): void {
    const demand = this.demands.get(run.runId) ?? WORK
    const dead = { cause: { kind: 'oom' } as const, asked, life: { upMs: 1, progressed } }
    const policy = { firstMs: 1_000, longestMs: 10_000, provenMs: 1_000, attemptLimit: 3 }
    const next = aftermath(demand, undefined, dead, run.failures, policy, 0.5)
    if (next.kind === 'park') this.demands.set(run.runId, { kind: 'parked', reason: next.reason })
    this.#put(over(run, next, stamp(this.now)))
  }

  #put(run: RunRecord): void {
    this.runs.set(run.runId, run)
  }
}
