import { LIVENESS_EVERY_MS, LIVENESS_LIMIT_MS, type Liveness, OrchestratorId, type Records } from '@specfleet/shared'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FakeClock } from '../../../testkit/src/fake-clock.ts'
import { openLog } from '../log.ts'
import { isDead, type Observer, Peers, type Sighting } from './liveness.ts'

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

test.each([
  ['nobody', () => undefined],
  ['somebody', (peers: Peers) => void peers.isEldest],
])('a death is told within a tick, also when %s asked for it before', async (_, ask) => {
  const clock = new FakeClock()
  const log = openLog({ level: 'error', now: () => clock.now(), write: () => undefined })
  const me: Liveness = { ...liveness, id: OrchestratorId.parse('me'), host: 'host-b/boot' }
  let tell: (peer: Liveness) => void = () => expect.unreachable('nobody listens')
  const records: Pick<Records<Liveness>, 'put' | 'delete' | 'watch'> = {
    put: async (key, value) => ({ key, value, revision: 1 }),
    delete: async () => undefined,
    watch: ({ signal, onChange, onCaughtUp }) => {
      tell = (value) => onChange({ key: value.id, held: { key: value.id, value, revision: 1 } })
      onCaughtUp?.()
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
    },
  }
  await using peers = new Peers({ records, clock, log }, () => me)
  await peers.start()
  tell(liveness)
  const told: (number | undefined)[] = []
  using _changes = peers.changes.on(() => told.push(peers.deadForMs(liveness.id)))
  clock.advance(LIVENESS_LIMIT_MS - 1)
  expect(told).toEqual([])
  clock.standStill(1)
  ask(peers)
  clock.advance(LIVENESS_EVERY_MS)
  expect(told).toEqual([expect.any(Number)])
  tell(liveness)
  clock.advance(LIVENESS_EVERY_MS)
  expect(told).toEqual([expect.any(Number), undefined])
})
