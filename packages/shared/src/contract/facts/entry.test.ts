import fc from 'fast-check'
import { expect, test } from 'vitest'
import { newMessageId } from '../ids.ts'
import { readEntry } from './entry.ts'

const fact = {
  v: 1,
  id: newMessageId(),
  type: 'spec.cancelled',
  specId: 'shop',
  runId: '-',
  epoch: 0,
  seq: 0,
  at: '2026-11-20T12:00:00.000Z',
  by: 'api',
  data: {},
}
const entry = readEntry

test('a fact on its own subject is a fact', () => {
  expect(entry('sf.log.shop.-.0.spec.cancelled', fact)).toMatchObject({
    kind: 'fact',
    specId: 'shop',
    fact: { type: 'spec.cancelled' },
  })
})

test.each([
  ['specId', 'sf.log.bank.-.0.spec.cancelled', 'bank'],
  ['runId', 'sf.log.shop.run-1.0.spec.cancelled', 'shop'],
  ['epoch', 'sf.log.shop.-.3.spec.cancelled', 'shop'],
  ['type', 'sf.log.shop.-.0.spec.archived', 'shop'],
])('one that lies about its %s is counted under the subject it came on', (field, subject, specId) => {
  const reason = expect.stringContaining(`its ${field} is not`)
  expect(entry(subject, fact)).toEqual({ kind: 'refused', specId, reason })
})

test('a kind from the future is passed over, where it stands in its place', () => {
  const future = { ...fact, type: 'spec.levitated' }
  expect(entry('sf.log.shop.-.0.spec.levitated', future)).toEqual({ kind: 'unknown', specId: 'shop' })
  expect(entry('sf.log.shop.-.0.spec.cancelled', future).kind).toBe('refused')
})

test('anything at all is read without a throw, and never becomes a fact by accident', () => {
  const subject = fc.oneof(fc.string(), fc.constant('sf.log.shop.-.0.spec.cancelled'), fc.constant('sf.log.a b.-.0.x'))
  fc.assert(
    fc.property(subject, fc.oneof(fc.constant(undefined), fc.jsonValue()), (on, value) => {
      expect(entry(on, value).kind).toBe('refused')
    }),
  )
})
