import fc from 'fast-check'
import { expect, test } from 'vitest'
import { afterFailure, type BackoffPolicy, delayOf } from './backoff.ts'

const policy: BackoffPolicy = { firstMs: 1_000, longestMs: 60_000, provenMs: 30_000, attemptLimit: 5 }
const hopeless = { upMs: 1_000_000, progressed: false }
const fraction = fc.double({ min: 0, max: 1, noNaN: true })

test('a run that never gets anywhere is given up after as many failures as the limit says', () => {
  let failures = 0
  const waits: number[] = []
  for (;;) {
    const retry = afterFailure(failures, hopeless, policy, 1)
    failures = retry.failures
    if (retry.kind === 'give-up') break
    waits.push(retry.delayMs)
  }
  expect(failures).toBe(5)
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000])
})

test('one that proved itself begins anew; living long without getting anywhere proves nothing', () => {
  expect(afterFailure(4, { upMs: 30_000, progressed: true }, policy, 1)).toMatchObject({ kind: 'again', failures: 1 })
  expect(afterFailure(4, { upMs: 29_999, progressed: true }, policy, 1).kind).toBe('give-up')
  expect(afterFailure(4, hopeless, policy, 1).kind).toBe('give-up')
})

test('the first death in a row is followed at once by one that got somewhere, and by no other', () => {
  const busy = { upMs: 300, progressed: true }
  expect(afterFailure(0, busy, policy, 1)).toEqual({ kind: 'again', failures: 1, delayMs: 0 })
  expect(afterFailure(1, busy, policy, 1)).toEqual({ kind: 'again', failures: 2, delayMs: 2_000 })
  expect(afterFailure(0, hopeless, policy, 1)).toEqual({ kind: 'again', failures: 1, delayMs: 1_000 })
})

const life = fc.record({ upMs: fc.integer({ min: 0, max: 100_000 }), progressed: fc.boolean() })
const patient = { ...policy, attemptLimit: 1_000 }

test('however a run dies, at most one start in the proven time of its lives comes without a wait', () => {
  fc.assert(
    fc.property(fc.array(life, { maxLength: 50 }), fraction, (lives, random) => {
      let failures = 0
      let lived = Number.POSITIVE_INFINITY
      for (const each of lives) {
        const retry = afterFailure(failures, each, patient, random)
        if (retry.kind === 'give-up') throw new Error('it was to be patient')
        lived += each.upMs
        failures = retry.failures
        if (retry.delayMs > 0) {
          expect(retry.delayMs).toBeGreaterThanOrEqual(policy.firstMs / 2)
          continue
        }
        expect(each.progressed).toBe(true)
        expect(lived).toBeGreaterThanOrEqual(policy.provenMs)
        lived = 0
      }
    }),
  )
})

test('one that gets nowhere waits before every start', () => {
  fc.assert(
    fc.property(fc.nat(100), fc.nat(), fraction, (failures, upMs, random) => {
      const retry = afterFailure(failures, { upMs, progressed: false }, patient, random)
      expect(retry).toMatchObject({ kind: 'again', failures: failures + 1 })
      if (retry.kind === 'again') expect(retry.delayMs).toBeGreaterThanOrEqual(policy.firstMs / 2)
    }),
  )
})

test('every wait lies between half and all of its step, and no step passes the longest', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fraction, (failures, random) => {
      const full = Math.min(policy.firstMs * 2 ** Math.min(failures - 1, 30), policy.longestMs)
      const delay = delayOf(failures, policy, random)
      expect(delay).toBeGreaterThanOrEqual(full / 2)
      expect(delay).toBeLessThanOrEqual(full)
    }),
  )
})
