import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FakeClock } from '../../../testkit/src/fake-clock.ts'
import { Deadlines } from './deadlines.ts'

const HOUR_MS = 3_600_000
const inMs = (clock: FakeClock, ms: number) => new Date(clock.now().getTime() + ms).toISOString()
const open = () => {
  const clock = new FakeClock()
  return { clock, deadlines: new Deadlines<string>({ clock }, { mostMs: 60_000 }) }
}

test.each([HOUR_MS, -HOUR_MS])('a clock that is set by %i ms moves no deadline that was met before', (by) => {
  const { clock, deadlines } = open()
  const stamp = inMs(clock, 10_000)
  const at = deadlines.at('run', stamp)
  expect(at - clock.monotonic()).toBe(10_000)
  clock.setBy(by)
  clock.advance(4_000)
  expect(deadlines.at('run', stamp) - clock.monotonic()).toBe(6_000)
})

test('another stamp is another deadline, and what is forgotten is met anew', () => {
  const { clock, deadlines } = open()
  const first = inMs(clock, 10_000)
  deadlines.at('run', first)
  expect(deadlines.at('run', inMs(clock, 20_000))).toBe(20_000)
  clock.setBy(-5_000)
  deadlines.keep(new Set(['other']))
  expect(deadlines.at('run', first)).toBe(15_000)
})

test('whatever is written down, nobody waits longer than the longest wait, or shorter than none', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1e12, max: 1e12 }), fc.integer({ min: -1e12, max: 1e12 }), (written, set) => {
      const { clock, deadlines } = open()
      const stamp = inMs(clock, written)
      clock.setBy(set)
      const left = deadlines.at('run', stamp) - clock.monotonic()
      expect(left).toBeGreaterThanOrEqual(0)
      expect(left).toBeLessThanOrEqual(60_000)
    }),
  )
})
