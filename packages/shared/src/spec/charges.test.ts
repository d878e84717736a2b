import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Charges, chargedTo, reserved, settled } from './charges.ts'

type Step = { call: string; cost: number | null; replied: boolean }
const step: fc.Arbitrary<Step> = fc.record({
  call: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
  cost: fc.option(fc.integer({ min: 0, max: 100 })),
  replied: fc.boolean(),
})
const RESERVED = 100

test('what is told twice is charged once', () => {
  fc.assert(
    fc.property(fc.uniqueArray(step, { selector: ({ call }) => call }), (steps) => {
      const run = (times: number) => {
        let charges: Charges | undefined
        for (const { call, cost, replied } of steps) {
          for (let n = 0; n < times; n += 1) charges = reserved(charges, call, RESERVED)
          for (let n = 0; n < times; n += 1) charges = settled(charges, call, cost, replied)
          for (let n = 1; n < times; n += 1) charges = reserved(charges, call, RESERVED)
        }
        return charges
      }
      expect(run(2)).toEqual(run(1))
    }),
  )
})

test('what has not been settled counts as much as it may cost, and settling never makes it more', () => {
  fc.assert(
    fc.property(fc.uniqueArray(step, { selector: ({ call }) => call, minLength: 1 }), fc.nat(7), (steps, left) => {
      let charges: Charges | undefined
      for (const { call } of steps) charges = reserved(charges, call, RESERVED)
      expect(chargedTo({ charges: charges as Charges })).toEqual({ turns: steps.length, usd: RESERVED * steps.length })
      const unsettled = left % steps.length
      for (const { call, cost, replied } of steps.slice(unsettled)) {
        const before = chargedTo({ charges: charges as Charges })
        charges = settled(charges, call, cost, replied)
        const after = chargedTo({ charges })
        expect(after.usd).toBeLessThanOrEqual(before.usd)
        expect(after.turns).toBeLessThanOrEqual(before.turns)
        expect(after.usd).toBeGreaterThanOrEqual(RESERVED * unsettled)
      }
    }),
  )
})

test('a call is charged behind those that came before it', () => {
  const charges = reserved(reserved(undefined, 'first', 5), 'second', 7)
  expect(chargedTo({ charges }, 'first')).toEqual({ turns: 0, usd: 0 })
  expect(chargedTo({ charges }, 'second')).toEqual({ turns: 1, usd: 5 })
})

test('calls that nobody settles are taken for paid, and do not pile up', () => {
  let charges: Charges | undefined
  for (let n = 0; n < 1_000; n += 1) charges = reserved(charges, `call-${n}`, 1)
  expect(charges?.open.length).toBeLessThanOrEqual(64)
  expect(chargedTo({ charges: charges as Charges })).toEqual({ turns: 1_000, usd: 1_000 })
})
