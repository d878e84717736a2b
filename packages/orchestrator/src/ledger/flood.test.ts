import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FloodGauge } from './flood.ts'

test('whoever keeps to the rate never overflows, however long it goes on', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), (perSecond) => {
      const gauge = new FloodGauge(perSecond)
      for (let n = 0; n < 300; n += 1) expect(gauge.overflows('a', (n * 1000) / perSecond)).toBe(false)
    }),
  )
})

test('a burst of five seconds’ worth passes; one more overflows, and only its author', () => {
  const gauge = new FloodGauge(10)
  for (let n = 0; n < 50; n += 1) expect(gauge.overflows('a', 0)).toBe(false)
  expect(gauge.overflows('b', 0)).toBe(false)
  expect(gauge.overflows('a', 0)).toBe(true)
  expect(gauge.overflows('b', 0)).toBe(false)
})

test('a clock that jumps back makes nobody a flood', () => {
  const gauge = new FloodGauge(10)
  for (let n = 0; n < 40; n += 1) gauge.overflows('a', 1_000_000)
  expect(gauge.overflows('a', 0)).toBe(false)
  expect(gauge.overflows('a', 1_010_000)).toBe(false)
})
