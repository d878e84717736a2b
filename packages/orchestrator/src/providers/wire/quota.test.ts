import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openAllowance } from './allowance.ts'
import { costOf, openQuota } from './quota.ts'

const LIMITS = { log: 1_000, trace: 2_000, turn: 3_000 }

test('no more is let pass of a stored kind than its limit, whatever else is sent', () => {
  const subject = fc.constantFrom('sf.log.s.r.1.run.ready', 'sf.trace.s.r.1.log.line', 'sf.turn.s.r.1', 'sf.beat.r.1')
  fc.assert(
    fc.property(fc.array(fc.tuple(subject, fc.integer({ min: 10, max: 900 }))), (messages) => {
      const quota = openQuota(LIMITS)
      const passed = new Map<string, number>()
      for (const [to, bytes] of messages) {
        const family = to.split('.')[1] ?? ''
        const before = passed.get(family) ?? 0
        const limit = new Map(Object.entries(LIMITS)).get(family) ?? Number.POSITIVE_INFINITY
        const refused = quota.refuse(to, bytes)
        expect(refused === undefined).toBe(before + bytes <= limit)
        if (refused === undefined) passed.set(family, before + bytes)
      }
    }),
  )
})

test('who opens a call pays more than who sends one of its frames', () => {
  expect(costOf('sf.desk.r.1.model')).toBeGreaterThan(costOf('sf.desk.r.1.model.c'))
})

test('whoever waits as told never spends more than the burst, the last spending and what has run in since', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 100 }), (amounts) => {
      const allowance = openAllowance({ burst: 100, perSecond: 50 })
      let now = 0
      let spent = 0
      for (const amount of amounts) {
        spent += amount
        const waitMs = allowance.spend(amount, now)
        expect(spent).toBeLessThanOrEqual(100 + (now / 1000) * 50 + amount + 1e-6)
        now += waitMs
      }
    }),
  )
})

test('nobody waits longer than two seconds, whatever was spent', () => {
  const allowance = openAllowance({ burst: 10, perSecond: 10 })
  expect(allowance.spend(1e9, 0)).toBe(2_000)
  expect(allowance.spend(1, 2_000)).toBe(100)
})

test('a clock that goes back gives nothing twice', () => {
  const allowance = openAllowance({ burst: 10, perSecond: 10 })
  expect(allowance.spend(10, 1_000)).toBe(0)
  expect(allowance.spend(10, 0)).toBe(1_000)
  expect(allowance.spend(10, 1_000)).toBe(2_000)
})
