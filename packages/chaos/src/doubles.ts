import type { Scout } from './first-blows.ts'
import { isDrawn, isSensible, type PlanOptions, shuffled } from './plan.ts'
import { type PointName, SIDES } from './points/point.ts'
import type { Trial } from './trial.ts'
import type { VictimName } from './world/victim.ts'
import { randomOf } from './world/work.ts'

/** Who may die behind a first blow: those that deal with it, and what it is about. */
const SECOND_VICTIMS: readonly VictimName[] = ['worker', 'orchestrator', 'orchestrators', 'nats', 'engine']

/** A point, and the first blow that brings it. */
export type Behind = { readonly name: PointName; readonly scout: Scout; readonly times: number }

/**
 * Points that an undisturbed run does not come to, each behind one first blow that brings it; and those that mean
 * something else there, of which the first is meant. Pure.
 */
export function pointsBehind(scouts: readonly Scout[], calm: PlanOptions['seen']): Behind[] {
  const known = new Set(calm.keys())
  return scouts.flatMap((scout) => {
    const found = [...scout.seen].filter(([name]) => isDrawn(name) && (!known.has(name) || scout.again.includes(name)))
    const behind = found.map(([name, count]) => ({ name, scout, times: known.has(name) ? 1 : count }))
    for (const { name } of behind) known.add(name)
    return behind.sort((one, other) => (one.name < other.name ? -1 : 1))
  })
}

/** Every such point on either side with every victim that may be there. Pure. */
export function doubleMatrix({ seed, seen, victims }: PlanOptions, scouts: readonly Scout[]): Trial[] {
  const random = randomOf(seed)
  const second = SECOND_VICTIMS.filter((victim) => victims.includes(victim))
  return pointsBehind(scouts, seen).flatMap(({ name, scout, times }) =>
    SIDES.flatMap((side) =>
      second
        .filter((victim) => isSensible(name, victim))
        .map((victim): Trial => {
          const nth = 1 + Math.floor(random() * times)
          return { seed, first: scout.strike, victim, at: { kind: 'point', point: { name, nth, side } } }
        }),
    ),
  )
}

/** So many of them, as the seed draws them; all where there are no more. Pure. */
export const sampleOf = (trials: readonly Trial[], runs: number, seed: number): Trial[] =>
  shuffled(trials, randomOf(seed)).slice(0, runs)
