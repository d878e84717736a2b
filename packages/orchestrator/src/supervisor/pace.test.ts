import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { FakeClock } from '../../../testkit/src/fake-clock.ts'
import { Pace } from './pace.ts'

function setUp(tookMs: number) {
  const clock = new FakeClock()
  const calls: number[] = []
  const pace = new Pace({ clock }, () => {
    calls.push(clock.monotonic())
    clock.standStill(tookMs)
  })
  return { clock, calls, pace }
}

test('many requests are one call, and a request during it is another', async () => {
  const { calls, pace } = setUp(0)
  pace.ask()
  pace.ask()
  expect(calls).toEqual([])
  await setImmediate()
  expect(calls).toHaveLength(1)
  pace.ask()
  await setImmediate()
  expect(calls).toHaveLength(2)
})

test('a long call is followed by a rest four times as long, but of fifty milliseconds at most', async () => {
  for (const [tookMs, restMs] of [
    [5, 20],
    [400, 50],
  ] as const) {
    const { clock, calls, pace } = setUp(tookMs)
    pace.ask()
    await setImmediate()
    pace.ask()
    clock.advance(restMs - 1)
    await setImmediate()
    expect(calls).toEqual([0])
    clock.advance(1)
    expect(calls).toEqual([0, tookMs + restMs])
    clock.advance(1_000)
    pace.ask()
    await setImmediate()
    expect(calls).toHaveLength(3)
    expect(clock.pending).toBe(0)
  }
})

test('once it is disposed it calls no more and leaves no timer behind', async () => {
  const { clock, calls, pace } = setUp(5)
  pace.ask()
  await setImmediate()
  pace.ask()
  pace[Symbol.dispose]()
  pace.ask()
  clock.advance(1_000)
  await setImmediate()
  expect(calls).toEqual([0])
  expect(clock.pending).toBe(0)
})
