import { expect, test } from 'vitest'
import { FakeClock } from '../../testkit/src/fake-clock.ts'
import { watchForStalls } from './stall-watch.ts'

test('a process that stood still notices it once, and one that runs never does', () => {
  const clock = new FakeClock()
  const stalls: number[] = []
  using _watch = watchForStalls(clock, (ms) => stalls.push(ms))
  clock.advance(10_000)
  expect(stalls).toEqual([])
  clock.standStill(30_000)
  clock.advance(10_000)
  expect(stalls).toHaveLength(1)
  expect(stalls[0]).toBeGreaterThan(29_000)
})
