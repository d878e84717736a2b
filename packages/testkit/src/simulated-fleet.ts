import type { Demand, PlacedRun, RunRecord } from '@specfleet/shared'
import {
  isOwned,
  isPlaced,
  OrchestratorId,
  type RunId,
  type SandboxId,
  sandboxIdOf,
  TaskInput,
  withIds,
} from '@specfleet/shared'
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
import type { Action, ActiveRun, QueuedRecord, QueuedRun, World } from '../../orchestrator/src/supervisor/world.ts'

export const ME = OrchestratorId.parse('me')
export const OTHER = OrchestratorId.parse('other')
export const DEAD = OrchestratorId.parse('dead')
const START = Date.parse('2026-11-20T12:00:00.000Z')
const EXIT = { code: 1, signal: null, oom: false, pids: false, output: false, wallClock: false, logTail: [] }
export const WORK: Demand = { kind: 'work', stale: false }
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

/** A fleet whose actions succeed, so that what follows from decisions can be watched. */
export class SimulatedFleet {
  now = START
  draining = false
  readonly runs = new Map<RunId, RunRecord>()
  readonly sandboxes = new Map<SandboxId, Sandbox>()
  readonly demands = new Map<RunId, Demand>()
  readonly accounts = new Map<string, RunId>()
  readonly askedAt = new Map<SandboxId, number>()
  readonly slots: number
  listed = true

  constructor(slots = 100) {
    this.slots = slots
  }

  add(
    name: string,
    state: RunRecord['state'],
    options: {
      owner?: OrchestratorId
      engine?: string
      /** What the log asks of it. */
      demand?: Demand
      sandbox?: 'running' | 'exited' | 'none'
    } = {},
  ): void {
    const { owner = ME, engine = 'here', demand = WORK, sandbox = 'running' } = options
    const waits = queued(name, this.runs.size + 1)
    const run = claimedBy(waits, owner, stamp(this.now))
    this.demands.set(run.runId, demand)
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
    if (sandbox !== 'none' && state !== 'claimed' && state !== 'queued' && engine === 'here')
      this.#make(record, placement.sandboxId, 1, sandbox)
  }

  #make(run: RunRecord, id: SandboxId, epoch: number, state: 'running' | 'exited'): void {
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
    return {
      me: ME,
      engine: 'here',
      now: this.now,
      draining: this.draining,
      free,
      stopGraceMs: 5_000,
      adoptionGraceMs: 10_000,
      runs: this.active,
      queued: backlog.next(free, { inHand: new Set(), mayStart: (run) => demandOf(run) === 'work' }),
      recalled: [...backlog.all()].filter((run) => demandOf(run) === 'end' || demandOf(run) === 'parked'),
      settledEpoch: (runId) => {
        const run = this.runs.get(runId)
        return run?.state === 'settled' ? run.epoch : undefined
      },
      busy: new Set(),
      sandboxes: this.listed ? this.sandboxes : undefined,
      deadForMs: (owner) => (owner === DEAD ? this.now - START : undefined),
      lateMs: () => undefined,
      flooding: new Set(),
      askedAt: this.askedAt,
      dueAt: ({ until }) => Date.parse(until),
      expiresAt: ({ labels }) => Date.parse(labels.expiresAt),
      demand: (run) => this.demands.get(run.runId),
    }
  }

  apply(action: Action, fate: 'lives' | 'dies'): void {
    const at = stamp(this.now)
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
        return void this.askedAt.set(action.run.placement.sandboxId, this.now)
      case 'confirm':
        return void this.#put(runningSince(action.run, at))
      case 'destroy':
        return void this.sandboxes.delete(action.sandbox.id)
      case 'advance':
        this.#advance(action.run, fate)
        return
      case 'bury':
        this.#bury(action.run, action.evidence.kind === 'overdue', fate === 'lives')
        return
    }
  }

  #advance(run: Extract<RunRecord, { state: 'claimed' }>, fate: 'lives' | 'dies'): void {
    if ([...this.accounts.values()].includes(run.runId))
      throw new Error(`an epoch of ${run.runId} begins while an earlier one can still be heard`)
    const demand = this.demands.get(run.runId) ?? WORK
    if (demand.kind !== 'work') {
      this.#end(run, true)
      return
    }
    this.demands.set(run.runId, WORK)
    const starting = startingAt(run, placementAt(run, 'here'), stamp(this.now))
    this.accounts.set(starting.placement.account, run.runId)
    this.#make(run, starting.placement.sandboxId, starting.epoch, fate === 'lives' ? 'running' : 'exited')
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
