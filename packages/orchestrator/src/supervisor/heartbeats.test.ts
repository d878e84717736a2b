import { SandboxId } from '@specfleet/shared'
import { expect, test } from 'vitest'
import { FakeClock } from '../../../testkit/src/fake-clock.ts'
import { Heartbeats } from './heartbeats.ts'

const A = SandboxId.parse('run-a-1')
const beat = (turn: number) => ({ seq: turn, phase: null, turn, at: '2026-11-20T12:00:00.000Z' })

function setUp() {
  const clock = new FakeClock()
  const heartbeats = new Heartbeats({ clock }, { beatMs: 1_000, bootMs: 5_000 })
  heartbeats.expect(A)
  return { clock, heartbeats }
}

test('a sandbox that never spoke is late after the boot limit, one that spoke after the beat limit', () => {
  const { clock, heartbeats } = setUp()
  clock.advance(4_999)
  expect(heartbeats.late(A)).toBeUndefined()
  expect(heartbeats.nextInMs()).toBe(1)
  heartbeats.heard(A, beat(1))
  expect(heartbeats.nextInMs()).toBe(1_000)
  clock.advance(1_000)
  expect(heartbeats.late(A)).toBe(1_000)
})

test('nobody becomes late while we are deaf, and behind an outage everybody gets as long as for a boot', () => {
  const { clock, heartbeats } = setUp()
  heartbeats.heard(A, beat(1))
  heartbeats.deafen()
  clock.advance(60_000)
  expect(heartbeats.late(A)).toBeUndefined()
  expect(heartbeats.nextInMs()).toBeUndefined()
  heartbeats.listen('outage')
  clock.advance(4_999)
  expect(heartbeats.late(A)).toBeUndefined()
  heartbeats.heard(A, beat(2))
  clock.advance(1_000)
  expect(heartbeats.late(A)).toBe(1_000)
})

test('when only we stood still, silence begins anew and may last no longer than ever', () => {
  const { clock, heartbeats } = setUp()
  heartbeats.heard(A, beat(1))
  clock.advance(900)
  heartbeats.deafen()
  heartbeats.listen('stall')
  clock.advance(999)
  expect(heartbeats.late(A)).toBeUndefined()
  clock.advance(1)
  expect(heartbeats.late(A)).toBe(1_000)
})

test('the late are no reason to look again: whoever is late is being dealt with', () => {
  const { clock, heartbeats } = setUp()
  clock.advance(5_000)
  expect(heartbeats.late(A)).toBe(5_000)
  expect(heartbeats.nextInMs()).toBeUndefined()
})

test('to expect a sandbox again does not excuse its silence, and to forget it ends the matter', () => {
  const { clock, heartbeats } = setUp()
  clock.advance(4_000)
  heartbeats.expect(A)
  clock.advance(1_000)
  expect(heartbeats.late(A)).toBe(5_000)
  heartbeats.forget(A)
  expect(heartbeats.late(A)).toBeUndefined()
  heartbeats.heard(A, beat(3))
  clock.advance(10_000)
  expect(heartbeats.late(A)).toBeUndefined()
})

test('a beat that never came shows in the count of the next, unless we could not hear it', () => {
  const { heartbeats } = setUp()
  expect(heartbeats.heard(A, beat(5))).toBe(0)
  expect(heartbeats.heard(A, beat(6))).toBe(0)
  expect(heartbeats.heard(A, beat(9))).toBe(2)
  heartbeats.deafen()
  heartbeats.listen('outage')
  expect(heartbeats.heard(A, beat(50))).toBe(0)
})
