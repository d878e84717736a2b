import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BURST_MS, type Demand, IDLE_MS, wanted } from './wanted.ts'

const NOW = 10 * IDLE_MS
const times = fc.array(fc.integer({ min: 0, max: NOW }), { maxLength: 12 }).map((all) => all.toSorted((a, b) => a - b))
/** One usual kind, and others. */
const demands = fc
  .array(times, { minLength: 1, maxLength: 5 })
  .map((all) => all.map((at, nth): Demand => ({ key: String(nth), standing: nth === 0, at })))
const size = fc.record({ floor: fc.integer({ min: 0, max: 9 }), ceiling: fc.integer({ min: 0, max: 9 }) })
const sum = (counts: Map<string, number>) => [...counts.values()].reduce((all, one) => all + one, 0)

test('never more than the ceiling wait, and of the usual kind never fewer than the floor below it', () => {
  fc.assert(
    fc.property(demands, size, (demands, size) => {
      const counts = wanted(demands, NOW, size)
      expect(sum(counts)).toBeLessThanOrEqual(size.ceiling)
      expect(counts.get('0')).toBeGreaterThanOrEqual(Math.min(size.floor, size.ceiling))
    }),
  )
})

test('never more of a kind wait than were asked for lately, but for the floor', () => {
  fc.assert(
    fc.property(demands, size, (demands, size) => {
      const counts = wanted(demands, NOW, size)
      for (const { key, standing, at } of demands) {
        const lately = at.filter((each) => NOW - each < IDLE_MS).length
        expect(counts.get(key)).toBeLessThanOrEqual(Math.max(lately, standing ? size.floor : 0))
      }
    }),
  )
})

test('nothing but the floor waits once nothing was asked for in a while', () => {
  fc.assert(
    fc.property(demands, size, (demands, size) => {
      const counts = wanted(demands, NOW + IDLE_MS, size)
      expect(sum(counts)).toBe(Math.min(size.floor, size.ceiling))
    }),
  )
})

test('more demand never makes fewer wait in all', () => {
  fc.assert(
    fc.property(demands, size, fc.nat(4), (demands, size, nth) => {
      const more = demands.map((demand, at) => (at === nth ? { ...demand, at: [...demand.at, NOW] } : demand))
      expect(sum(wanted(more, NOW, size))).toBeGreaterThanOrEqual(sum(wanted(demands, NOW, size)))
    }),
  )
})

test('as many wait as came together, of a usual kind at once and of another when it came again', () => {
  const together = [0, 1, 2].map((ms) => NOW - ms).toReversed()
  const apart = [3, 2, 1, 0].map((nth) => NOW - nth * BURST_MS)
  const count = (standing: boolean, at: number[]) =>
    wanted([{ key: 'one', standing, at }], NOW, { floor: 0, ceiling: 8 }).get('one')
  expect(count(true, together)).toBe(3)
  expect(count(true, apart)).toBe(1)
  expect(count(true, [NOW])).toBe(1)
  expect(count(false, [NOW])).toBe(0)
  expect(count(false, [NOW, NOW])).toBe(2)
})

test('what was asked for last is kept ready first', () => {
  const older = { key: 'older', standing: false, at: [NOW - 9, NOW - 8, NOW - 7] }
  const newer = { key: 'newer', standing: false, at: [NOW - 2, NOW - 1] }
  const counts = wanted([older, newer], NOW, { floor: 0, ceiling: 3 })
  expect([...counts]).toEqual([
    ['newer', 2],
    ['older', 1],
  ])
})
