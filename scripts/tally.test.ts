import { expect, test } from 'vitest'
import { addTallies, failed, NOTHING, passed, summary } from './tally.ts'

test('the last line counts what passed, failed and was skipped', () => {
  const skipped = { ...NOTHING, skipped: [{ test: 'on docker', reason: 'no engine' }] }
  expect(summary([passed(2), failed('lint'), passed(3)].reduce(addTallies, NOTHING))).toBe('5 passed, 1 failed')
  expect(summary([passed(1), skipped].reduce(addTallies, NOTHING))).toBe('1 passed, 0 failed, 1 skipped')
})
