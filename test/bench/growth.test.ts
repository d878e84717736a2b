import { expect, it } from 'vitest'
import type { Growth } from './benchmark.ts'
import { growthVerdict, renderGrowth } from './growth.ts'

const row = { name: 'delay', unit: 'ms', values: [10, 50, 80], limit: { size: 2_000, most: 50 } }
const growth: Growth = { of: 'live runs', sizes: [1_000, 2_000, 4_000], rows: [row] }

it('is judged at the size that the limit names, and passes on the line', () => {
  expect(growthVerdict(growth, row)).toBe('pass')
  expect(growthVerdict(growth, { ...row, values: [10, 50.1, 80] })).toBe('miss')
  expect(growthVerdict(growth, { ...row, values: [10, Number.POSITIVE_INFINITY, 80] })).toBe('miss')
  expect(growthVerdict({ sizes: [500] }, { ...row, values: [900] })).toBe('no target')
})

it('has a column for each size', () => {
  const lines = renderGrowth(growth)
  expect(lines[0]).toMatch(/^live runs +1,000 +2,000 +4,000 +target/)
  expect(lines[2]).toMatch(/^delay +10\.0 ms +50\.0 ms +80\.0 ms +≤ 50 ms at 2,000 +pass$/)
})
