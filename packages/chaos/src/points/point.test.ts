import fc from 'fast-check'
import { expect, test } from 'vitest'
import { describePoint, PARTS, type Point, type PointName, parsePoint, SIDES } from './point.ts'
import { Stops } from './stops.ts'

const name: fc.Arbitrary<PointName> = fc.oneof(
  fc.constant<PointName>('any'),
  fc
    .tuple(fc.constantFrom(...PARTS), fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/))
    .map(([part, what]): PointName => `${part}/${what}`),
)
const nth = fc.integer({ min: 1, max: 999_999_999 })
const point: fc.Arbitrary<Point> = fc.record({ name, nth, side: fc.constantFrom(...SIDES) })

test('a point is read as it is written', () => {
  fc.assert(
    fc.property(point, (each) => {
      expect(parsePoint(describePoint(each))).toEqual(each)
    }),
  )
})

test('the first is meant where no number is given', () => {
  expect(parsePoint('worker/turn after')).toEqual({ name: 'worker/turn', nth: 1, side: 'after' })
})

test.each(['', 'worker/turn', 'worker/turn#0 after', 'nobody/turn after', 'worker after', 'worker/turn later'])(
  '"%s" is no point',
  (text) => {
    expect(() => parsePoint(text)).toThrow(expect.objectContaining({ code: 'usage' }))
  },
)

const said = fc.array(
  fc.record({
    name: fc.constantFrom<PointName>('worker/turn', 'worker/beat', 'ledger/view'),
    about: fc.constantFrom('one', 'two', ''),
  }),
  { maxLength: 40 },
)

test('of two that are awaited each gets a message of its own, and numbers count from where they are to', async () => {
  const stops = new Stops()
  const turn = { name: 'worker/turn', about: 'one' } as const
  const { signal } = new AbortController()
  stops.meet(turn)
  const before = stops.tally()
  const all = stops.await({ name: 'worker/turn', nth: 2, side: 'before' }, signal)
  const behind = stops.await({ name: 'worker/turn', nth: 1, side: 'after' }, signal, 'now')
  expect(stops.meet({ ...turn, about: 'two' })?.point.side).toBe('after')
  expect(stops.meet(turn)?.point.side).toBe('before')
  expect(stops.meet(turn)).toBeUndefined()
  expect(stops.seen.get('worker/turn')).toBe(3)
  expect(stops.seenSince(before)).toEqual(
    new Map([
      ['worker/turn', 2],
      ['any', 3],
    ]),
  )
  stops.close(new Error('closed'))
  await expect(all).rejects.toThrow('closed')
  await expect(behind).rejects.toThrow('closed')
})

test('exactly the awaited message is met, whatever else is said', async () => {
  await fc.assert(
    fc.asyncProperty(said, point, async (messages, { name: wanted, nth: count, side }) => {
      const stops = new Stops()
      const aimed: Point = { name: wanted, nth: (count % 5) + 1, side }
      const stop = new AbortController()
      const waiting = stops.await(aimed, stop.signal)
      const met = messages.map((each) => stops.meet(each) !== undefined)
      const counts = new Map<string, number>()
      const expected = messages.findIndex((each, at) => {
        const key = JSON.stringify(each)
        counts.set(key, (counts.get(key) ?? 0) + 1)
        return (wanted === 'any' ? at + 1 : counts.get(key)) === aimed.nth && (wanted === 'any' || each.name === wanted)
      })
      expect(met.indexOf(true)).toBe(expected)
      expect(met.filter(Boolean)).toHaveLength(expected === -1 ? 0 : 1)
      expect(stops.seen.get('any') ?? 0).toBe(messages.length)
      stop.abort(new Error('enough'))
      await expect(waiting).rejects.toThrow('enough')
    }),
  )
})
