import fc from 'fast-check'
import { expect, test } from 'vitest'
import { doubleMatrix, pointsBehind, sampleOf } from './doubles.ts'
import { FIRST_BLOWS, type Scout } from './first-blows.ts'
import { isSensible } from './plan.ts'
import { PARTS, type PointName, SIDES } from './points/point.ts'
import { describeStrike, parseStrike } from './strike.ts'
import type { Strike, Trial } from './trial.ts'
import { VICTIMS, type VictimName } from './world/victim.ts'

const NAMES: readonly PointName[] = [
  ...FIRST_BLOWS.flatMap(({ again }) => again),
  'supervisor/fact/run.lost',
  'supervisor/fact/run.adopted',
  'worker/call/model/ping',
  'worker/turn',
]
const seen = fc
  .dictionary(fc.constantFrom(...NAMES), fc.integer({ min: 1, max: 9 }))
  .map(
    (counts) => new Map(NAMES.flatMap((name) => (counts[name] === undefined ? [] : [[name, counts[name]] as const]))),
  )
const scouts = fc
  .tuple(seen, seen, seen)
  .map((all) => FIRST_BLOWS.flatMap((blow, at): Scout[] => (all[at] === undefined ? [] : [{ ...blow, seen: all[at] }])))
const seed = fc.integer({ min: 0, max: 2 ** 31 })
const victims = fc.subarray([...VICTIMS])

const text = (trial: Trial): string => JSON.stringify(trial)

test('each point is behind a blow that brings it: once, unless it means something else behind each', () => {
  fc.assert(
    fc.property(seen, scouts, (calm, all) => {
      const behind = pointsBehind(all, calm)
      for (const { name, scout, times } of behind) {
        expect(scout.seen.get(name)).toBeGreaterThanOrEqual(times)
        expect(calm.has(name) && !scout.again.includes(name)).toBe(false)
        expect(name).not.toMatch(/ping$/)
        if (calm.has(name)) expect(times).toBe(1)
      }
      const brought = new Set(all.flatMap((scout) => [...scout.seen.keys()]))
      for (const name of brought)
        if (!calm.has(name) && !name.endsWith('/ping')) expect(behind.map((each) => each.name)).toContain(name)
      for (const name of new Set(behind.map((each) => each.name))) {
        const often = behind.filter((each) => each.name === name)
        expect(often.slice(1).every(({ scout }) => scout.again.includes(name))).toBe(true)
      }
    }),
  )
})

test('the matrix of two blows has each such point on either side with every victim that may be there, exactly once', () => {
  fc.assert(
    fc.property(seed, seen, scouts, victims, (of, calm, all, among) => {
      const options = { seed: of, seen: calm, victims: among }
      const matrix = doubleMatrix(options, all)
      expect(doubleMatrix(options, all)).toEqual(matrix)
      expect(new Set(matrix.map(text)).size).toBe(matrix.length)
      for (const { victim, first, at, seed: own } of matrix) {
        expect([own, at.kind]).toEqual([of, 'point'])
        expect(among).toContain(victim)
        const scout = all.find(({ strike }) => strike === first)
        if (at.kind !== 'point') continue
        expect(isSensible(at.point.name, victim)).toBe(true)
        expect(at.point.nth).toBeLessThanOrEqual(scout?.seen.get(at.point.name) ?? 0)
      }
      const killed: readonly VictimName[] = among.filter((victim) => victim === 'nats' || victim === 'orchestrator')
      const nats = matrix.filter(({ victim }) => killed.includes(victim))
      expect(nats).toHaveLength(pointsBehind(all, calm).length * SIDES.length * killed.length)
    }),
  )
})

test('a sample is of the matrix, without repetition, and the same for the same seed', () => {
  fc.assert(
    fc.property(seed, scouts, fc.integer({ min: 1, max: 300 }), (of, all, runs) => {
      const matrix = doubleMatrix({ seed: of, seen: new Map(), victims: VICTIMS }, all)
      const sample = sampleOf(matrix, runs, of)
      expect(sample).toHaveLength(Math.min(runs, matrix.length))
      expect(new Set(sample.map(text)).size).toBe(sample.length)
      expect(sample.every((trial) => matrix.includes(trial))).toBe(true)
      expect(sampleOf(matrix, runs, of)).toEqual(sample)
    }),
  )
})

const strike: fc.Arbitrary<Strike> = fc
  .record({
    victim: fc.constantFrom(...VICTIMS),
    part: fc.constantFrom(...PARTS),
    what: fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/),
    nth: fc.integer({ min: 1, max: 999 }),
    side: fc.constantFrom(...SIDES),
    often: fc.boolean(),
  })
  .map(({ victim, part, what, nth, side, often }) => ({
    victim,
    at: { kind: 'point', point: { name: `${part}/${what}`, nth, side } },
    ...(often ? { strikes: 'every-epoch' as const } : {}),
  }))

test('a blow is read as it is written', () => {
  fc.assert(
    fc.property(strike, (each) => {
      expect(parseStrike(describeStrike(each))).toEqual(each)
    }),
  )
})

test.each([
  'worker',
  'worker at',
  'nobody at worker/turn after',
  'worker at worker/turn',
  'worker at any at any after',
])('"%s" is no blow', (text) => {
  expect(() => parseStrike(text)).toThrow(expect.objectContaining({ code: 'usage' }))
})
