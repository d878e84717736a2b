import type { Demand, RunRecord } from '@specfleet/shared'
import { RunId, sandboxIdOf } from '@specfleet/shared'
import { describe, expect, test } from 'vitest'
import { DEAD, SimulatedFleet as Fleet, OTHER, WORK as work } from '../../../testkit/src/simulated-fleet.ts'
import { reconcile } from './reconcile.ts'
import type { World } from './world.ts'

const decide = (fleet: Fleet, more: Partial<World> = {}) => {
  const { actions, lookAgainInMs } = reconcile({ ...fleet.world(), ...more })
  return { kinds: actions.map(({ kind }) => kind), actions, lookAgainInMs }
}
const fleetOf = (state: RunRecord['state'], options: Parameters<Fleet['add']>[2] = {}) => {
  const fleet = new Fleet()
  fleet.add('run', state, options)
  return fleet
}
const sandbox = sandboxIdOf(RunId.parse('run'), 1)

describe('one run', () => {
  test('that is claimed goes ahead, and is given back when we drain', () => {
    const fleet = fleetOf('claimed')
    expect(decide(fleet).kinds).toEqual(['advance'])
    expect(decide(fleet, { draining: true }).kinds).toEqual(['release'])
  })

  test('whose start was interrupted goes on where its sandbox runs, and begins anew where there is none', () => {
    expect(decide(fleetOf('starting')).kinds).toEqual(['confirm'])
    const interrupted = decide(fleetOf('starting', { sandbox: 'none' })).actions
    expect(interrupted).toMatchObject([
      { kind: 'bury', evidence: { kind: 'condemned', cause: { kind: 'owner-lost' } } },
    ])
  })

  test('is buried on evidence of each kind', () => {
    const evidence = (fleet: Fleet, more: Partial<World> = {}) => decide(fleet, more).actions[0]
    expect(evidence(fleetOf('running', { sandbox: 'exited' }))).toMatchObject({ evidence: { kind: 'exited' } })
    expect(evidence(fleetOf('running', { sandbox: 'none' }))).toMatchObject({ evidence: { kind: 'vanished' } })
    expect(evidence(fleetOf('running'), { flooding: new Set([sandbox]) })).toMatchObject({
      evidence: { kind: 'condemned', cause: { kind: 'flood' } },
    })
    expect(evidence(fleetOf('running'), { lateMs: () => 7_000 })).toMatchObject({
      evidence: { kind: 'condemned', cause: { kind: 'lost-heartbeat', silentMs: 7_000 } },
    })
  })

  test('whose engine cannot say how its sandbox is, is left alone', () => {
    const fleet = fleetOf('running')
    const known = fleet.sandboxes.get(sandbox)
    if (known !== undefined) fleet.sandboxes.set(sandbox, { ...known, state: { kind: 'unknown', reason: 'hung' } })
    expect(decide(fleet).kinds).toEqual([])
  })

  test('of a dead owner is adopted at once where its engine is ours, and elsewhere after the grace', () => {
    expect(decide(fleetOf('running', { owner: DEAD })).kinds).toEqual(['adopt'])
    const elsewhere = fleetOf('running', { owner: DEAD, engine: 'there' })
    elsewhere.now += 4_000
    expect(decide(elsewhere)).toMatchObject({ kinds: [], lookAgainInMs: 6_000 })
    elsewhere.now += 6_000
    expect(decide(elsewhere).kinds).toEqual(['adopt'])
    expect(decide(fleetOf('running', { owner: OTHER })).kinds).toEqual([])
  })

  test('that is not wanted is asked once, then given its grace, then ended', () => {
    const fleet = fleetOf('running', { demand: { kind: 'end', outcome: 'cancelled' } })
    expect(decide(fleet).actions).toMatchObject([{ kind: 'ask', command: 'cancel' }])
    fleet.asked.set(sandbox, { command: 'cancel', at: fleet.now })
    fleet.now += 1_000
    expect(decide(fleet)).toMatchObject({ kinds: [], lookAgainInMs: 4_000 })
    fleet.now += 4_000
    expect(decide(fleet).actions).toMatchObject([{ kind: 'bury', evidence: { kind: 'overdue' } }])
  })

  test('that is paused is given as long as a model call may take, unless we drain or it is cancelled meanwhile', () => {
    const paused: Demand = { kind: 'hold', why: 'paused' }
    const fleet = fleetOf('running', { demand: paused })
    fleet.asked.set(sandbox, { command: 'pause', at: fleet.now })
    fleet.now += 5_000
    expect(decide(fleet)).toMatchObject({ kinds: [], lookAgainInMs: 55_000 })
    expect(decide(fleet, { draining: true }).kinds).toEqual(['bury'])
    const cancelled = decide(fleet, { demand: () => ({ kind: 'end', outcome: 'cancelled' }) }).actions
    expect(cancelled).toMatchObject([{ kind: 'ask', command: 'cancel' }])
    fleet.now += 55_000
    expect(decide(fleet).actions).toMatchObject([{ kind: 'bury', evidence: { kind: 'overdue' } }])
  })

  test.each<[Demand, boolean, string]>([
    [{ kind: 'hold', why: 'paused' }, false, 'pause'],
    [{ kind: 'hold', why: 'approval' }, false, 'nothing'],
    [{ kind: 'end', outcome: 'done' }, false, 'nothing'],
    [{ kind: 'work', stale: true }, false, 'pause'],
    [work, true, 'drain'],
  ])('under %o (draining: %s) is told %s', (demand, draining, command) => {
    expect(decide(fleetOf('running', { demand }), { draining }).actions).toMatchObject([{ kind: 'ask', command }])
  })

  test('is judged by nobody who has folded less of the log than its last writer', () => {
    const ignorant: Partial<World> = { demand: () => undefined }
    for (const state of ['running', 'waiting', 'parked'] as const)
      expect(decide(fleetOf(state, { sandbox: state === 'running' ? 'running' : 'none' }), ignorant).kinds).toEqual([])
  })

  test('waits out its back-off', () => {
    const fleet = fleetOf('waiting', { sandbox: 'none' })
    expect(decide(fleet)).toMatchObject({ kinds: [], lookAgainInMs: 500 })
    fleet.now += 500
    expect(decide(fleet).kinds).toEqual(['take'])
    expect(decide(fleet, { free: 0 }).kinds).toEqual([])
  })
})

describe('a run and its place', () => {
  const two = (admission: 'all' | 'none' = 'all', slots = 100) =>
    new Fleet(100, [
      { engine: 'here', provider: 'test', admission, slots },
      { engine: 'there', provider: 'other' },
    ])
  const engineOf = (fleet: Fleet) => decide(fleet).actions.map((action) => 'engine' in action && action.engine)

  test('are brought together in overflow order, by choice, and away from what is sick', () => {
    const overflows = two('all', 1)
    for (const name of ['a', 'b', 'c']) overflows.add(name, 'queued')
    expect(engineOf(overflows)).toEqual(['here', 'there', 'there'])
    const chooses = two()
    chooses.add('run', 'queued', { wish: { provider: 'other', image: false } })
    expect(engineOf(chooses)).toEqual(['there'])
    const sick = two('none')
    sick.add('run', 'queued')
    expect(engineOf(sick)).toEqual(['there'])
  })

  test('stay together until its sandbox is made, and part when its engine falls sick before', () => {
    const fleet = two()
    fleet.add('run', 'queued', { wish: { provider: 'test', image: false } })
    for (const action of decide(fleet).actions) fleet.apply(action, 'lives')
    expect(decide(fleet).actions).toMatchObject([{ kind: 'advance', engine: 'here' }])
    for (const engine of fleet.engines) if (engine.engine === 'here') engine.admission = 'none'
    expect(decide(fleet).kinds).toEqual(['release'])
  })

  test('are not needed to end it', () => {
    const fleet = two('none')
    const cancelled: Demand = { kind: 'end', outcome: 'cancelled' }
    const wish = { provider: 'test', image: false }
    fleet.add('mine', 'claimed', { wish, demand: cancelled })
    fleet.add('left', 'claimed', { wish, demand: cancelled, owner: DEAD })
    fleet.add('asleep', 'waiting', { wish, demand: cancelled, sandbox: 'none' })
    fleet.add('new', 'queued', { wish, demand: cancelled })
    expect(decide(fleet).kinds).toEqual(['advance', 'adopt', 'take', 'start'])
    expect(engineOf(fleet)).toEqual([undefined, undefined, undefined, undefined])
  })

  test('are found again on every engine that we reach', () => {
    const fleet = two()
    fleet.add('run', 'running', { owner: DEAD, engine: 'there' })
    expect(decide(fleet).kinds).toEqual(['adopt'])
    fleet.runs.clear()
    fleet.now += 3_600_000
    expect(decide(fleet).actions).toMatchObject([{ kind: 'destroy', engine: 'there' }])
  })
})

describe('a sandbox that belongs to nobody', () => {
  const HOUR = 3_600_000

  test('goes at once when its run has moved on without it', () => {
    const paused: Demand = { kind: 'hold', why: 'paused' }
    expect(decide(fleetOf('waiting', { demand: paused })).kinds).toEqual(['destroy'])
    expect(decide(fleetOf('parked', { demand: { kind: 'parked', reason: 'enough' } })).kinds).toEqual(['destroy'])
    expect(decide(fleetOf('settled')).kinds).toEqual(['destroy'])
  })

  test('of a run that nobody knows goes only when its labels have expired', () => {
    const fleet = fleetOf('running')
    fleet.runs.clear()
    expect(decide(fleet)).toMatchObject({ kinds: [], lookAgainInMs: HOUR })
    fleet.now += HOUR
    expect(decide(fleet).kinds).toEqual(['destroy'])
  })

  test('of an epoch that our copy of the record has not heard of is left to whoever has', () => {
    const fleet = fleetOf('claimed', { owner: OTHER })
    fleet.add('other', 'running', { owner: OTHER })
    const ahead = fleet.sandboxes.get(sandboxIdOf(RunId.parse('other'), 1))
    if (ahead !== undefined)
      fleet.sandboxes.set(sandbox, { ...ahead, id: sandbox, labels: { ...ahead.labels, runId: RunId.parse('run') } })
    expect(decide(fleet)).toMatchObject({ kinds: [], lookAgainInMs: HOUR })
  })
})
