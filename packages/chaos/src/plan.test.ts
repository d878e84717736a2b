import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { drawSample, fullMatrix, isSensible } from './plan.ts'
import { type PointName, SIDES } from './points/point.ts'
import type { Trial } from './trial.ts'
import { VICTIMS } from './world/victim.ts'

const NAMES: readonly PointName[] = [
  'client/task',
  'intake/record/claimed',
  'supervisor/fact/run.fenced',
  'supervisor/record/running',
  'worker/fact/run.ready',
  'worker/turn',
  'worker/beat',
  'worker/call/model',
  'desk/answer/resume',
  'gateway/answer',
  'ledger/view',
]
const seen = fc
  .tuple(fc.subarray([...NAMES], { minLength: 1 }), fc.infiniteStream(fc.integer({ min: 1, max: 30 })))
  .map(([names, counts]) => {
    const counted = names.map((name): [PointName, number] => [name, counts.next().value ?? 1])
    return new Map<PointName, number>([...counted, ['any', counted.reduce((sum, [, count]) => sum + count, 0)]])
  })
const victims = fc
  .subarray([...VICTIMS], { minLength: 1 })
  .filter((some) => some.some((each) => isSensible('client/task', each)))
const seed = fc.integer({ min: 0, max: 2 ** 31 })
const runs = fc.integer({ min: 1, max: 120 })

const cellOf = ({ at, victim }: Trial): string =>
  at.kind === 'time' ? `time ${victim}` : `${at.point.name} ${at.point.side} ${victim}`
const nameOf = ({ at }: Trial): string => (at.kind === 'time' ? 'time' : at.point.name)
function countBy(trials: readonly Trial[], key: (trial: Trial) => string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const trial of trials) counts.set(key(trial), (counts.get(key(trial)) ?? 0) + 1)
  return counts
}
/** Neither at a random time nor in every epoch. */
const plain = (trials: readonly Trial[]) =>
  trials.filter((trial) => nameOf(trial) !== 'any' && trial.strikes === undefined)

describe('a sample', () => {
  test('is as long as asked for, the same for the same seed, and only of what was seen', () => {
    fc.assert(
      fc.property(seed, runs, seen, victims, (of, length, points, among) => {
        const options = { seed: of, seen: points, victims: among }
        const sample = drawSample(length, options)
        expect(sample).toHaveLength(length)
        expect(drawSample(length, options)).toEqual(sample)
        for (const { at, victim, seed: own } of sample) {
          expect(own).toBe(of)
          expect(among).toContain(victim)
          if (at.kind !== 'point') throw new Error('no point')
          expect(at.point.nth).toBeGreaterThanOrEqual(1)
          expect(at.point.nth).toBeLessThanOrEqual(points.get(at.point.name) ?? 0)
          expect(isSensible(at.point.name, victim)).toBe(true)
        }
      }),
    )
  })

  test('takes of what comes in varying pieces one that is sure to come by', () => {
    const points = new Map<PointName, number>([['gateway/answer/data', 26]])
    fc.assert(
      fc.property(seed, (of) => {
        for (const { at } of drawSample(20, { seed: of, seen: points, victims: ['nats'] }))
          expect(at.kind === 'point' && at.point.nth).toBeLessThanOrEqual(13)
      }),
    )
  })

  test('uses points evenly, both sides of each, and no place twice before all were used', () => {
    fc.assert(
      fc.property(seed, runs, seen, (of, length, points) => {
        const sample = plain(drawSample(length, { seed: of, seen: points, victims: VICTIMS }))
        const all = plain(fullMatrix({ seed: of, seen: points, victims: VICTIMS })).length
        if (sample.length <= all) expect(Math.max(...countBy(sample, cellOf).values(), 0)).toBeLessThanOrEqual(1)
        const names = countBy(sample, nameOf)
        const fewest = names.size < points.size - 1 ? 0 : Math.min(...names.values())
        // As long as the one with the fewest places is not used up.
        if (sample.length <= (points.size - 1) * 12) {
          expect(Math.max(...names.values(), 0) - fewest).toBeLessThanOrEqual(1)
          for (const [name, count] of names) {
            const sides = SIDES.filter((side) =>
              sample.some(({ at }) => at.kind === 'point' && at.point.name === name && at.point.side === side),
            )
            if (count >= 6) expect(sides).toEqual(SIDES)
          }
        }
      }),
    )
  })

  test('uses every victim and both sides once there is room for them', () => {
    fc.assert(
      fc.property(seed, (of) => {
        const points = new Map<PointName, number>([...NAMES.map((name): [PointName, number] => [name, 5]), ['any', 55]])
        const sample = drawSample(2 * NAMES.length, { seed: of, seen: points, victims: VICTIMS })
        expect([...countBy(sample, ({ victim }) => victim).keys()].sort()).toEqual([...VICTIMS].sort())
        const sides = countBy(plain(sample), ({ at }) => (at.kind === 'point' ? at.point.side : ''))
        const [before = 0, after = 0] = SIDES.map((side) => sides.get(side))
        expect(Math.abs(before - after)).toBeLessThanOrEqual(NAMES.length)
      }),
    )
  })

  test('has random times and runs that are struck in every epoch', () => {
    const points = new Map<PointName, number>([...NAMES.map((name): [PointName, number] => [name, 5]), ['any', 55]])
    const sample = drawSample(100, { seed: 1, seen: points, victims: VICTIMS })
    expect(sample.filter((trial) => nameOf(trial) === 'any')).toHaveLength(8)
    expect(sample.filter(({ strikes }) => strikes === 'every-epoch')).toHaveLength(4)
  })
})

test('the full matrix has every sensible place exactly once', () => {
  fc.assert(
    fc.property(seed, seen, victims, (of, points, among) => {
      const cells = countBy(plain(fullMatrix({ seed: of, seen: points, victims: among })), cellOf)
      const expected = [...points.keys()]
        .filter((name) => name !== 'any')
        .flatMap((name) =>
          SIDES.flatMap((side) =>
            among.filter((victim) => isSensible(name, victim)).map((victim) => `${name} ${side} ${victim}`),
          ),
        )
      expect([...cells.keys()].sort()).toEqual(expected.sort())
      expect([...cells.values()].every((count) => count === 1)).toBe(true)
    }),
  )
})

test('what comes only when somebody is slow is not drawn', () => {
  const points = new Map<PointName, number>([
    ['worker/call/model/ping', 3],
    ['worker/turn', 3],
    ['any', 6],
  ])
  const options = { seed: 1, seen: points, victims: VICTIMS }
  const drawn = [...fullMatrix(options), ...drawSample(60, options)].map(nameOf)
  expect(drawn).not.toContain('worker/call/model/ping')
  expect(drawn).toContain('worker/turn')
})

test('who lives in a sandbox is not looked for before there is one', () => {
  expect(isSensible('intake/record/claimed', 'worker')).toBe(false)
  expect(isSensible('intake/record/claimed', 'nats')).toBe(true)
  expect(isSensible('worker/turn', 'disk-full')).toBe(true)
  expect(isSensible('any', 'worker')).toBe(true)
})
