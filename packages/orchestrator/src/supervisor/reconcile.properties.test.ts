import type { Demand, RunRecord } from '@specfleet/shared'
import { isOwned, isPlaced } from '@specfleet/shared'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DEAD, SimulatedFleet as Fleet, ME, OTHER, WORK as work } from '../../../testkit/src/simulated-fleet.ts'
import type { Admission } from '../engines/breaker.ts'
import { suits } from '../engines/room.ts'
import type { Sandbox } from '../providers/provider.ts'
import { reconcile } from './reconcile.ts'
import type { Action, ActiveRun } from './world.ts'

const states = fc.constantFrom<RunRecord['state']>(
  'queued',
  'claimed',
  'starting',
  'running',
  'waiting',
  'parked',
  'settled',
)
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
const wishes = fc.record({
  provider: fc.constantFrom(undefined, 'test', 'other', 'none'),
  image: fc.boolean(),
})
const admission = fc.constantFrom<Admission>('all', 'one', 'none')
const slots = fc.integer({ min: 0, max: 4 })
/** Two engines, of which any may be full, sick, or one that cannot be listed. */
const severalEngines = fc
  .record({
    runs: fc.array(fc.record({ run: someRun, wish: wishes }), { maxLength: 12 }),
    slots: fc.integer({ min: 1, max: 10 }),
    here: fc.record({ slots, admission, listed: fc.boolean() }),
    there: fc.record({ slots, admission, listed: fc.boolean() }),
  })
  .map(({ runs, slots, here, there }) => {
    const fleet = new Fleet(slots, [
      { engine: 'here', provider: 'test', images: true, ...here },
      { engine: 'there', provider: 'other', ...there },
    ])
    for (const [index, { run, wish }] of runs.entries()) {
      const { state, ...options } = run
      fleet.add(`run-${index}`, state, { ...options, wish })
    }
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
          if (action.kind === 'destroy' || action.kind === 'start') continue
          if (!isOwned(action.run) || action.run.owner === ME) continue
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
            ((action.kind === 'take' || action.kind === 'start') &&
              fleet.demands.get(action.run.runId)?.kind === 'work'),
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
        for (const run of fleet.queued) expect(mayWait(fleet, run)).toBe(true)
        for (const sandbox of fleet.sandboxes.values()) expect(ownerOf(fleet, sandbox)).toBeDefined()
      }),
    )
  })
})

describe('several engines', () => {
  test('never have more begun on one than it has places, and nothing where it may not be', () => {
    fc.assert(
      fc.property(severalEngines, fates, (fleet, stream) => {
        for (let round = 0; round < 6; round += 1) {
          const world = fleet.world()
          const { actions } = reconcile(world)
          const adopted = actions.flatMap((action) =>
            action.kind === 'adopt' && isPlaced(action.run) ? action.run : [],
          )
          const before = fleet.engines.map(({ engine }) => fleet.heldAt(engine).length)
          for (const { engine, run } of actions.filter(givesPlace)) {
            const given = world.engines.get(engine) ?? expect.unreachable('nobody reaches it')
            expect(suits(given, world.wish(run))).toBe(true)
            expect(given.free > 0 || world.seats.get(run.runId) === engine).toBe(true)
          }
          for (const action of actions) fleet.apply(action, stream.next().value)
          for (const [index, { engine, slots }] of fleet.engines.entries()) {
            // What a dead owner left there is taken over, however much it is.
            const foreign = adopted.filter(({ placement }) => placement.engine === engine).length
            const most = Math.max(slots, before[index] ?? 0) + foreign
            expect(fleet.heldAt(engine).length).toBeLessThanOrEqual(most)
          }
        }
      }),
    )
  })

  test('keep everything while all of them are sick: nothing begins, nobody fails, and nobody holds a slot', () => {
    fc.assert(
      fc.property(severalEngines, fates, (fleet, stream) => {
        for (const engine of fleet.engines) engine.admission = 'none'
        for (const runId of fleet.demands.keys()) fleet.demands.set(runId, work)
        const waiting = [...fleet.runs.values()].filter((run) => !isPlaced(run))
        for (let round = 0; round < 6; round += 1)
          for (const action of reconcile(fleet.world()).actions) {
            expect(['start', 'take', 'advance']).not.toContain(action.kind)
            if (action.kind !== 'bury') fleet.apply(action, stream.next().value)
          }
        expect([...fleet.runs.values()].filter((run) => run.state === 'claimed' && run.owner === ME)).toEqual([])
        for (const { runId, epoch } of waiting) expect(fleet.runs.get(runId)?.epoch).toBe(epoch)
      }),
    )
  })

  test('do not hold each other up: what may run elsewhere starts, whoever stands before it', () => {
    const count = fc.integer({ min: 1, max: 20 })
    fc.assert(
      fc.property(count, count, fc.constantFrom<Admission>('none', 'one'), (first, second, admission) => {
        const fleet = new Fleet(100, [
          { engine: 'here', provider: 'test', admission },
          { engine: 'there', provider: 'other' },
        ])
        const wish = (provider: string) => ({ provider, image: false })
        for (let n = 0; n < first; n += 1) fleet.add(`sick-${n}`, 'queued', { wish: wish('test') })
        for (let n = 0; n < second; n += 1) fleet.add(`well-${n}`, 'queued', { wish: wish('other') })
        const started = reconcile(fleet.world()).actions.filter(({ kind }) => kind === 'start')
        expect(started).toHaveLength(second + (admission === 'one' ? 1 : 0))
      }),
    )
  })

  test('are all worked off once they are well', () => {
    fc.assert(
      fc.property(severalEngines, fates, (fleet, stream) => {
        for (const engine of fleet.engines) Object.assign(engine, { admission: 'none', listed: true })
        for (const action of reconcile(fleet.world()).actions) fleet.apply(action, stream.next().value)
        for (const engine of fleet.engines) Object.assign(engine, { admission: 'all', slots: 100 })
        settleDown(fleet, stream)
        const engines = [...fleet.world().engines.values()]
        for (const run of [...fleet.active, ...fleet.queued]) {
          const wish = fleet.wishes.get(run.runId)
          // What no engine here can do waits for an orchestrator that has one.
          if (wish === undefined || !engines.some((engine) => suits(engine, wish))) continue
          if (run.state === 'queued') expect(mayWait(fleet, run)).toBe(true)
          else expect(atRest(fleet, run)).toBe('as it should be')
        }
      }),
    )
  })
})

/** What brings a run to an engine. */
const givesPlace = (
  action: Action,
): action is Extract<Action, { kind: 'start' | 'take' | 'adopt' | 'advance' }> & {
  engine: string
} => action.kind !== 'destroy' && 'engine' in action && action.engine !== undefined

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

function mayWait(fleet: Fleet, { runId }: RunRecord): boolean {
  const demand = fleet.demands.get(runId) ?? work
  return fleet.draining || demand.kind === 'hold' || (demand.kind === 'work' && fleet.world().free <= 0)
}

const ownerOf = (fleet: Fleet, sandbox: Sandbox): RunRecord | undefined =>
  [...fleet.runs.values()].find((run) => isPlaced(run) && run.placement.sandboxId === sandbox.id)
