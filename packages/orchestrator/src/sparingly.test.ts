import { expect, test } from 'vitest'
import { FakeClock } from '../../testkit/src/fake-clock.ts'
import { sparingly } from './sparingly.ts'

test('the first is told at once, the others once a second and counted', () => {
  const clock = new FakeClock()
  const told: [number, string][] = []
  const tell = sparingly(clock, (count, what: string) => told.push([count, what]))
  tell('a')
  tell('b')
  tell('c')
  expect(told).toEqual([[1, 'a']])
  clock.advance(1_000)
  tell('d')
  expect(told).toEqual([
    [1, 'a'],
    [3, 'd'],
  ])
})
