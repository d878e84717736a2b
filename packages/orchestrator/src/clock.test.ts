import { expect, test } from 'vitest'
import { FakeClock } from '../../testkit/src/fake-clock.ts'
import { every, pause } from './clock.ts'

test('a pause ends when its time has come, and leaves no timer behind', async () => {
  const clock = new FakeClock()
  const paused = pause(clock, 100, new AbortController().signal)
  expect(clock.pending).toBe(1)
  clock.advance(100)
  await paused
  expect(clock.pending).toBe(0)
})

test('a pause ends at once when it is aborted, and leaves no timer behind', async () => {
  const clock = new FakeClock()
  const stop = new AbortController()
  const paused = pause(clock, 100, stop.signal)
  stop.abort()
  await paused
  expect(clock.pending).toBe(0)
  await pause(clock, 100, stop.signal)
})

test('what happens every so often goes on until it is disposed', () => {
  const clock = new FakeClock()
  let times = 0
  const ticks = every(clock, 10, () => {
    times += 1
  })
  clock.advance(35)
  expect(times).toBe(3)
  ticks[Symbol.dispose]()
  clock.advance(100)
  expect(times).toBe(3)
  expect(clock.pending).toBe(0)
})
