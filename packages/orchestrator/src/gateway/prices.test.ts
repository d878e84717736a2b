import { expect, test } from 'vitest'
import { type CallTokens, costOf } from './prices.ts'

const tokens = (more: Partial<CallTokens>): CallTokens => ({
  input: 0,
  output: 0,
  cacheRead: 0,
  cacheWrite5m: 0,
  cacheWrite1h: 0,
  ...more,
})
const MILLION = 1_000_000

test('every column has its own price', () => {
  const one = (more: Partial<CallTokens>) => costOf('claude-sonnet-5-5', tokens(more))
  expect(one({ input: MILLION })).toBe(2)
  expect(one({ output: MILLION })).toBe(10)
  expect(one({ cacheRead: MILLION })).toBeCloseTo(0.1)
  expect(one({ cacheWrite5m: MILLION })).toBe(2.5)
  expect(one({ cacheWrite1h: MILLION })).toBe(4)
})

test('a dated name is the model it is a date of, and a longer name is another model', () => {
  expect(costOf('claude-haiku-4-5-20251001', tokens({ input: MILLION }))).toBe(1)
  expect(costOf('claude-opus-5-experimental', tokens({ input: 1 }))).toBeNull()
})

test('what a long prompt costs depends on all of it, cached or not', () => {
  expect(costOf('claude-haiku-5-5', tokens({ input: 100_000 }))).toBeCloseTo(0.01)
  expect(costOf('claude-haiku-5-5', tokens({ input: 100_000, cacheRead: 1 }))).toBeCloseTo(0.05)
})

test('unknown is not zero: neither for a model nor for one column of it', () => {
  expect(costOf('gpt-99', tokens({ input: 1 }))).toBeNull()
  expect(costOf('claude-haiku-5-5', tokens({ input: 100_000, cacheWrite5m: 1 }))).toBeNull()
  expect(costOf('claude-haiku-5-5', tokens({ input: 200_000 }))).toBeCloseTo(0.1)
})
