import { LIVENESS_LIMIT_MS, type Liveness, OrchestratorId } from '@specfleet/shared'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isDead, type Observer, type Sighting } from './liveness.ts'

const liveness: Liveness = {
  v: 1,
  id: OrchestratorId.parse('other'),
  engines: [],
  sick: [],
  host: 'host-a/boot',
  pid: 4242,
  pidStart: '17',
  startedAt: '2026-11-20T12:00:00.000Z',
  at: '2026-11-20T12:00:00.000Z',
  draining: false,
  slots: 1,
  busy: 0,
  version: '0',
}
const sighting = (heardAt: number): Sighting => ({ liveness, heardAt })
const observer = (now: number, more: Partial<Observer> = {}): Observer => ({
  now,
  hearingSince: 0,
  host: 'host-b/boot',
  isProcessGone: () => false,
  ...more,
})
const time = fc.integer({ min: 0, max: 1_000_000 })

test('one that was heard within the limit lives, whatever its own clock says', () => {
  fc.assert(
    fc.property(time, fc.integer({ min: 0, max: LIVENESS_LIMIT_MS - 1 }), (heardAt, silence) => {
      expect(isDead(sighting(heardAt), observer(heardAt + silence))).toBe(false)
    }),
  )
})

test('nobody is dead before we have listened for as long as the limit, be it seen or not', () => {
  fc.assert(
    fc.property(
      fc.option(time, { nil: undefined }),
      time,
      fc.integer({ min: 0, max: LIVENESS_LIMIT_MS - 1 }),
      (heardAt, hearingSince, listened) => {
        const seen = heardAt === undefined ? undefined : sighting(heardAt)
        expect(isDead(seen, observer(hearingSince + listened, { hearingSince }))).toBe(false)
      },
    ),
  )
})

test('silence for the limit is death', () => {
  expect(isDead(sighting(0), observer(LIVENESS_LIMIT_MS))).toBe(true)
  expect(isDead(undefined, observer(LIVENESS_LIMIT_MS))).toBe(true)
})

test('a process that is gone is dead at once, but only our own machine can be asked', () => {
  const isProcessGone = () => true
  expect(isDead(sighting(0), observer(0, { host: 'host-a/boot', isProcessGone }))).toBe(true)
  expect(isDead(sighting(0), observer(0, { host: 'host-b/boot', isProcessGone }))).toBe(false)
})
