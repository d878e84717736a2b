import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digits, quantile, summarise } from './statistics.ts'

describe('summarise', () => {
  it('finds the middle, the ends and the tail', () => {
    const hundred = Array.from({ length: 101 }, (_, value) => value)
    expect(summarise(hundred.toReversed())).toEqual({ count: 101, min: 0, median: 50, p95: 95, p99: 99, max: 100 })
  })

  it('takes what lies between the two in the middle of an even number', () => {
    expect(summarise([4, 1, 2, 3]).median).toBe(2.5)
  })

  it('refuses nothing, and what is no number', () => {
    expect(() => summarise([])).toThrow(RangeError)
    expect(() => summarise([1, Number.NaN])).toThrow(RangeError)
  })

  it('keeps its order whatever is measured, and in whatever order', () => {
    const measurements = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }), {
      minLength: 1,
    })
    fc.assert(
      fc.property(measurements, (values) => {
        const { min, median, p95, p99, max } = summarise(values)
        expect([min, median, p95, p99, max]).toEqual([min, median, p95, p99, max].toSorted((one, other) => one - other))
        expect(summarise(values.toReversed())).toEqual(summarise(values))
        expect(min).toBe(Math.min(...values))
        expect(max).toBe(Math.max(...values))
      }),
    )
  })
})

describe('quantile', () => {
  it('of one measurement is that one', () => {
    expect(quantile([7], 0.95)).toBe(7)
  })
})

describe('digits', () => {
  it.each([
    [0.1234, '0.12'],
    [12.345, '12.3'],
    [123.4, '123'],
    [12_345, '12,345'],
  ])('of %d are %s', (value, text) => {
    expect(digits(value)).toBe(text)
  })
})
