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
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { claimOf } from '../intake/admission.ts'
import type { Sandbox } from '../providers/provider.ts'
import { aftermath } from './aftermath.ts'
import { reconcile } from './reconcile.ts'
import { claimedBy, over, ownedBy, released, runningSince, startingAt, unparked } from './transitions.ts'
import type { Action, ActiveRun, World } from './world.ts'

const ME = OrchestratorId.parse('me')
const OTHER = OrchestratorId.parse('other')
const DEAD = OrchestratorId.parse('dead')
const START = Date.parse('2026-11-20T12:00:00.000Z')
const EXIT = { code: 1, signal: null, oom: false, pids: false, wallClock: false, logTail: [] }
const work: Demand = { kind: 'work', stale: false }
const stamp = (now: number) => ({ now: new Date(now), foldedTo: 0 })

const claimed = (name: string, owner = ME) =>
  claimOf(
    withIds(TaskInput.parse({ kind: 'prompt', text: name, taskId: name }), () => never()),
    null,
    owner,
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
class Fleet {
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
    options: { owner?: OrchestratorId; engine?: string; demand?: Demand; sandbox?: 'running' | 'exited' | 'none' },
  ): void {
    const { owner = ME, engine = 'here', demand = work, sandbox = 'running' } = options
    const run = claimed(name, owner)
    this.demands.set(run.runId, demand)
    const placement = placementAt(run, engine)
    const made = startingAt(run, placement, stamp(this.now))
    const placed: RunRecord = state === 'running' ? runningSince(made, stamp(this.now)) : made
    const wait = { kind: 'wait', why: 'backoff', delayMs: 500, failures: 1, lost: { kind: 'oom' } } as const
    const park = { kind: 'park', reason: 'enough', failures: 3, lost: undefined } as const
    const settle = { kind: 'settle', outcome: 'done', reason: undefined } as const
    const record = {
      claimed: run,
      starting: placed,
      running: placed,
      waiting: over(made, wait, stamp(this.now)),
      parked: over(made, park, stamp(this.now)),
      settled: over(made, settle, stamp(this.now)),
    }[state]
    this.runs.set(run.runId, record)
    if (isPlaced(record)) this.accounts.set(placement.account, run.runId)
    if (sandbox !== 'none' && state !== 'claimed' && engine === 'here')
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
    return [...this.runs.values()].filter((run): run is ActiveRun => run.state !== 'settled')
  }

  world(): World {
    return {
      me: ME,
      engine: 'here',
      now: this.now,
      draining: this.draining,
      free: this.slots - this.active.filter((run) => isOwned(run) && run.owner === ME).length,
      stopGraceMs: 5_000,
      adoptionGraceMs: 10_000,
      runs: this.active,
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
      demand: (run) => this.demands.get(run.runId),
    }
  }

  apply(action: Action, fate: 'lives' | 'dies'): void {
    const at = stamp(this.now)
    switch (action.kind) {
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
        this.#bury(action.run, action.evidence.kind === 'overdue')
        return
    }
  }

  #advance(run: Extract<RunRecord, { state: 'claimed' }>, fate: 'lives' | 'dies'): void {
    // No epoch begins while an earlier one can still be heard.
    expect([...this.accounts.values()]).not.toContain(run.runId)
    const demand = this.demands.get(run.runId) ?? work
    if (demand.kind !== 'work') {
      this.#end(run, true)
      return
    }
    this.demands.set(run.runId, work)
    const starting = startingAt(run, placementAt(run, 'here'), stamp(this.now))
    this.accounts.set(starting.placement.account, run.runId)
    this.#make(run, starting.placement.sandboxId, starting.epoch, fate === 'lives' ? 'running' : 'exited')
    this.#put(runningSince(starting, stamp(this.now)))
  }

  #bury(run: PlacedRun, asked: boolean): void {
    this.accounts.delete(run.placement.account)
    this.#end(run, asked)
    this.sandboxes.delete(run.placement.sandboxId)
  }

  #end(run: Extract<RunRecord, { state: 'claimed' }> | PlacedRun, asked: boolean): void {
    const demand = this.demands.get(run.runId) ?? work
    const dead = { cause: { kind: 'oom' } as const, asked, life: { upMs: 1, progressed: false } }
    const policy = { firstMs: 1_000, longestMs: 10_000, provenMs: 1_000, attemptLimit: 3 }
    const next = aftermath(demand, undefined, dead, run.failures, policy, 0.5)
    if (next.kind === 'park') this.demands.set(run.runId, { kind: 'parked', reason: next.reason })
    this.#put(over(run, next, stamp(this.now)))
  }

  #put(run: RunRecord): void {
    this.runs.set(run.runId, run)
  }
}

const states = fc.constantFrom<RunRecord['state']>('claimed', 'starting', 'running', 'waiting', 'parked', 'settled')
const demands = fc.constantFrom<Demand>(
  work,
  { kind: 'work', stale: true },
  { kind: 'hold', why: 'approval' },
  { kind: 'hold', why: 'paused' },
  { kind: 'end', outcome: 'done' },
  { kind: 'end', outcome: 'cancelled' },
  { kind: 'parked', reason: 'asked for' },
)
const someRun = fc.record({
  state: states,
  owner: fc.constantFrom(ME, OTHER, DEAD),
  engine: fc.constantFrom('here', 'there'),
  demand: demands,
  sandbox: fc.constantFrom<'running' | 'exited' | 'none'>('running', 'exited', 'none'),
})
const someFleet = fc
  .record({ runs: fc.array(someRun, { maxLength: 8 }), slots: fc.integer({ min: 1, max: 10 }), draining: fc.boolean() })
  .map(({ runs, slots, draining }) => {
    const fleet = new Fleet(slots)
    fleet.draining = draining
    for (const [index, { state, ...options }] of runs.entries()) fleet.add(`run-${index}`, state, options)
    return fleet
  })
const fates = fc.infiniteStream(fc.constantFrom<'lives' | 'dies'>('lives', 'lives', 'dies'))

describe('any fleet', () => {
  test('gets at most one action a run, and only an owner acts', () => {
    fc.assert(
      fc.property(someFleet, (fleet) => {
        const { actions } = reconcile(fleet.world())
        const acted = actions.map((action) =>
          action.kind === 'destroy' ? action.sandbox.labels.runId : action.run.runId,
        )
        expect(new Set(acted).size).toBe(acted.length)
        for (const action of actions) {
          if (action.kind === 'destroy' || !isOwned(action.run) || action.run.owner === ME) continue
          expect(action.kind).toBe('adopt')
          expect(action.run.owner).toBe(DEAD)
        }
      }),
    )
  })

  test('is left alone where an action is at work', () => {
    fc.assert(
      fc.property(someFleet, (fleet) => {
        const busy = new Set(fleet.runs.keys())
        expect(reconcile({ ...fleet.world(), busy }).actions).toEqual([])
      }),
    )
  })

  test('loses nothing to an engine that cannot be listed', () => {
    fc.assert(
      fc.property(someFleet, (fleet) => {
        fleet.listed = false
        for (const action of reconcile(fleet.world()).actions) {
          expect(action.kind).not.toBe('destroy')
          if (action.kind === 'bury') expect(action.evidence.kind).toBe('condemned')
        }
      }),
    )
  })

  test('never has the sandbox of a placed run destroyed as an orphan', () => {
    fc.assert(
      fc.property(someFleet, (fleet) => {
        const placed = new Set([...fleet.runs.values()].filter(isPlaced).map((run) => run.placement.sandboxId))
        for (const action of reconcile(fleet.world()).actions)
          if (action.kind === 'destroy') expect(placed).not.toContain(action.sandbox.id)
      }),
    )
  })

  test('never takes on more than its slots', () => {
    fc.assert(
      fc.property(someFleet, (fleet) => {
        const world = fleet.world()
        const taken = reconcile(world).actions.filter(
          (action) =>
            (action.kind === 'adopt' && action.run.state === 'claimed') ||
            (action.kind === 'take' && fleet.demands.get(action.run.runId)?.kind === 'work'),
        )
        expect(taken.length).toBeLessThanOrEqual(Math.max(0, world.free))
      }),
    )
  })

  test('comes to rest, with everything as the log demands', () => {
    fc.assert(
      fc.property(someFleet, fates, (fleet, stream) => {
        settleDown(fleet, stream)
        const dead = fleet.active.filter((run) => isOwned(run) && run.owner === DEAD)
        if (!fleet.draining) expect(dead.filter(isPlaced)).toEqual([])
        for (const run of fleet.active) expect(atRest(fleet, run)).toBe('as it should be')
        for (const sandbox of fleet.sandboxes.values()) expect(ownerOf(fleet, sandbox)).toBeDefined()
      }),
    )
  })
})

/** Carries out what is decided until nothing is left to decide, however long that takes on the clock. */
function settleDown(fleet: Fleet, fate: Iterator<'lives' | 'dies'>): void {
  for (let round = 0; round < 500; round += 1) {
    const { actions, lookAgainInMs } = reconcile(fleet.world())
    for (const action of actions) fleet.apply(action, fate.next().value)
    if (actions.length > 0) continue
    // Orphans of nobody wait for their labels to expire; everything else comes sooner.
    if (lookAgainInMs === undefined) return
    fleet.now += lookAgainInMs
  }
  expect.unreachable('it never comes to rest')
}

function atRest(fleet: Fleet, run: ActiveRun): string {
  const demand = fleet.demands.get(run.runId) ?? work
  const fine = 'as it should be'
  if (isOwned(run) && run.owner !== ME)
    return run.owner === OTHER || fleet.draining || run.state === 'claimed' ? fine : 'left to the dead'
  if (fleet.draining) return isOwned(run) ? 'still owned' : fine
  switch (run.state) {
    case 'running': {
      const sandbox = fleet.sandboxes.get(run.placement.sandboxId)
      return demand.kind === 'work' && sandbox?.state.kind === 'running' ? fine : `running under ${demand.kind}`
    }
    case 'waiting':
      return demand.kind === 'hold' || (demand.kind === 'work' && fleet.world().free <= 0)
        ? fine
        : `waiting under ${demand.kind}`
    case 'parked':
      return demand.kind === 'parked' ? fine : `parked under ${demand.kind}`
    default:
      return `still ${run.state}`
  }
}

const ownerOf = (fleet: Fleet, sandbox: Sandbox): RunRecord | undefined =>
  [...fleet.runs.values()].find((run) => isPlaced(run) && run.placement.sandboxId === sandbox.id)
