import { expect, test } from 'vitest'
import { Lately } from './lately.ts'

test('a call is known for a while, and forgotten behind it', () => {
  const lately = new Lately(1_000)
  lately.note('run.1', 'a', 0)
  expect(lately.knows('run.1', 'a', 999)).toBe(true)
  expect(lately.knows('run.1', 'a', 1_000)).toBe(false)
  expect(lately.knows('run.1', 'b', 0)).toBe(false)
  expect(lately.knows('run.2', 'a', 0)).toBe(false)
  lately.note('run.1', 'a', 1_500)
  expect(lately.knows('run.1', 'a', 2_000)).toBe(true)
})

test('a caller with very many pushes out its own, and nobody else’s', () => {
  const lately = new Lately(1_000)
  lately.note('honest', 'a', 0)
  for (let n = 0; n < 17; n += 1) lately.note('hostile', `call ${n}`, 1)
  expect(lately.knows('hostile', 'call 0', 2)).toBe(false)
  expect(lately.knows('hostile', 'call 1', 2)).toBe(true)
  expect(lately.knows('honest', 'a', 2)).toBe(true)
})
