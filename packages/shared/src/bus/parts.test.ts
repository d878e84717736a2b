import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PartCollector, partHeader, splitParts } from './parts.ts'

const LIMIT = 8 * 1024 + 16

test('a message of any length is whole again after its last part, and not before', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (data) => {
      const parts = splitParts(data, LIMIT)
      expect(parts.every((part) => part.length <= 16)).toBe(true)
      const collector = new PartCollector()
      const given = parts.map((part, index) => collector.add('s', partHeader('set', index + 1, parts.length), part))
      expect(given.slice(0, -1).every((whole) => whole === undefined)).toBe(true)
      expect(Buffer.from(given.at(-1) ?? 'missing')).toEqual(Buffer.from(data))
    }),
  )
})

test('sets of several senders do not mix; a message without a header is whole by itself', () => {
  const collector = new PartCollector()
  const [one, two] = [Uint8Array.of(1), Uint8Array.of(2)]
  expect(collector.add('a', partHeader('x', 1, 2), one)).toBeUndefined()
  expect(collector.add('b', partHeader('x', 1, 2), two)).toBeUndefined()
  expect(collector.add('a', undefined, two)).toBe(two)
  expect(collector.add('a', partHeader('x', 2, 2), one)).toEqual(Buffer.of(1, 1))
})

test('a missing, repeated or reordered part voids its set', () => {
  const byte = Uint8Array.of(1)
  for (const order of [[1, 3], [1, 1, 2, 3], [2, 1, 3], [3]]) {
    const collector = new PartCollector()
    const given = order.map((number) => collector.add('s', partHeader('x', number, 3), byte))
    expect(given.every((whole) => whole === undefined)).toBe(true)
  }
})

test('hostile headers never throw and hold a bounded number of sets', () => {
  const collector = new PartCollector()
  fc.assert(
    fc.property(fc.string(), (header) => {
      expect(collector.add('s', header, Uint8Array.of(1))).toBeUndefined()
    }),
  )
  for (let set = 0; set < 100; set += 1) collector.add('s', partHeader(`set${set}`, 1, 2), Uint8Array.of(1))
  expect(collector.add('s', partHeader('set0', 2, 2), Uint8Array.of(2))).toBeUndefined()
  expect(collector.add('s', partHeader('set99', 2, 2), Uint8Array.of(2))).toEqual(Buffer.of(1, 2))
})
