import { isPlaced, OrchestratorId, type PlacedRun } from '@specfleet/shared'
import { expect, test } from 'vitest'
import { FakeClock } from '../../../testkit/src/fake-clock.ts'
import { SimulatedFleet } from '../../../testkit/src/simulated-fleet.ts'
import { ownedBy } from './transitions.ts'
import { Uptimes } from './uptimes.ts'

const HOUR_MS = 3_600_000
const heir = OrchestratorId.parse('heir')

/** A run that was begun when the clock started. */
function begun(): { clock: FakeClock; run: PlacedRun; uptimes: Uptimes } {
  const fleet = new SimulatedFleet()
  fleet.add('run', 'running')
  const run = [...fleet.runs.values()].find(isPlaced)
  if (run === undefined) throw new Error('it is placed')
  const clock = new FakeClock(new Date(run.since))
  return { clock, run, uptimes: new Uptimes({ clock }, { mostMs: 2 * HOUR_MS }) }
}

const adopted = (run: PlacedRun, now: Date): PlacedRun => {
  const owned = ownedBy(run, heir, { now, foldedTo: 0 })
  if (!isPlaced(owned)) throw new Error('it is placed')
  return owned
}

test.each([HOUR_MS, -HOUR_MS])('a clock that is set by %i ms makes no incarnation older or younger', (by) => {
  const { clock, run, uptimes } = begun()
  uptimes.follow([run])
  clock.advance(30_000)
  clock.setBy(by)
  clock.advance(30_000)
  expect(uptimes.ofMs(run)).toBe(60_000)
})

test('the time before an adoption is what the record tells, within what a sandbox may live', () => {
  const { clock, run, uptimes } = begun()
  clock.advance(90_000)
  expect(uptimes.ofMs(adopted(run, clock.now()))).toBe(90_000)
  for (const [by, before] of [
    [10 * HOUR_MS, 2 * HOUR_MS],
    [-10 * HOUR_MS, 0],
  ] as const) {
    const other = begun()
    other.clock.advance(90_000)
    other.clock.setBy(by)
    const ours = adopted(other.run, other.clock.now())
    expect(other.uptimes.ofMs(ours)).toBe(before)
    other.clock.advance(1_000)
    expect(other.uptimes.ofMs(ours)).toBe(before + 1_000)
  }
})

test('who is no longer followed is forgotten', () => {
  const { clock, run, uptimes } = begun()
  uptimes.follow([run])
  clock.advance(1_000)
  uptimes.follow([])
  expect(uptimes.ofMs(run)).toBe(0)
})
