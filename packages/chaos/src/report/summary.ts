import { ANY, type PointName, SIDES, type Side } from '../points/point.ts'
import type { Outcome, Strike, Trial } from '../trial.ts'
import { VICTIMS, type VictimName } from '../world/victim.ts'

/** How a trial came out. `skipped`: nothing was struck, for the victim was not there or nobody came to the point. */
export type Result = 'held' | 'violated' | 'skipped'

export const resultOf = ({ violations, skipped }: Outcome): Result => {
  if (violations.length > 0) return 'violated'
  return skipped === undefined ? 'held' : 'skipped'
}

/** In milliseconds. */
export type Spread = {
  readonly count: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly most: number
}

/** What became of all trials with one victim. */
export type VictimSummary = {
  readonly victim: VictimName
  readonly results: Readonly<Record<Result, number>>
  /** From the blow until the world went on. */
  readonly recovery: Spread | undefined
  /** Over all its trials, and the most of one. */
  readonly paidTwice: { readonly all: number; readonly most: number }
  /** Why nothing was struck, with how often. */
  readonly skips: ReadonlyMap<string, number>
}

export const RANDOM_TIMES = 'random times'
export const EVERY_EPOCH = 'every epoch'
/** A row of the matrix: a point on both sides; or what is not at one named point. */
export type RowName = PointName | `${PointName}, behind ${string}` | typeof RANDOM_TIMES | typeof EVERY_EPOCH
export type MatrixRow = {
  readonly name: RowName
  /** The worst of each side; of random times both are one. */
  readonly cells: ReadonlyMap<VictimName, Partial<Record<Side, Result>>>
}

export type Summary = {
  readonly victims: readonly VictimSummary[]
  readonly matrix: readonly MatrixRow[]
  /** From the making of a sandbox until its worker is ready, without any disturbance. */
  readonly coldStart: Spread | undefined
}

/** @param calmStartsMs cold starts of the undisturbed run; those of the trials are added */
export function summarise(outcomes: readonly Outcome[], calmStartsMs: readonly number[]): Summary {
  const tried = VICTIMS.filter((victim) => outcomes.some(({ trial }) => trial.victim === victim))
  return {
    victims: tried.map((victim) => summariseVictim(victim, outcomes)),
    matrix: matrixOf(outcomes),
    coldStart: spreadOf([...calmStartsMs, ...outcomes.flatMap(({ coldStartsMs }) => coldStartsMs)]),
  }
}

function summariseVictim(victim: VictimName, all: readonly Outcome[]): VictimSummary {
  const outcomes = all.filter(({ trial }) => trial.victim === victim)
  const count = (result: Result) => outcomes.filter((outcome) => resultOf(outcome) === result).length
  const skips = new Map<string, number>()
  for (const { skipped } of outcomes) if (skipped !== undefined) skips.set(skipped, (skips.get(skipped) ?? 0) + 1)
  // From the second of two blows the first is not over.
  const single = outcomes.filter(({ trial }) => trial.first === undefined)
  const paid = outcomes.map(({ turnsPaidTwice }) => turnsPaidTwice)
  return {
    victim,
    results: { held: count('held'), violated: count('violated'), skipped: count('skipped') },
    recovery: spreadOf(single.flatMap(({ recoveryMs }) => (recoveryMs === undefined ? [] : [recoveryMs]))),
    paidTwice: { all: paid.reduce((sum, each) => sum + each, 0), most: Math.max(0, ...paid) },
    skips,
  }
}

const WORST: readonly Result[] = ['violated', 'held', 'skipped']

function matrixOf(outcomes: readonly Outcome[]): MatrixRow[] {
  const rows = new Map<RowName, Map<VictimName, Partial<Record<Side, Result>>>>()
  for (const outcome of outcomes) {
    const { name, side } = placeOf(outcome.trial)
    const cells = rows.get(name) ?? new Map<VictimName, Partial<Record<Side, Result>>>()
    rows.set(name, cells)
    const cell = cells.get(outcome.trial.victim) ?? {}
    const result = WORST.find((each) => each === cell[side] || each === resultOf(outcome))
    cells.set(outcome.trial.victim, { ...cell, ...(result === undefined ? {} : { [side]: result }) })
  }
  return [...rows].map(([name, cells]) => ({ name, cells })).sort(byPlace)
}

function placeOf({ first, at, strikes }: Trial): { readonly name: RowName; readonly side: Side } {
  if (at.kind === 'time') return { name: RANDOM_TIMES, side: SIDES[0] }
  const { name, side } = at.point
  if (first !== undefined) return { name: `${name}, behind ${first.victim}${shortly(first)}`, side }
  if (strikes === 'every-epoch') return { name: EVERY_EPOCH, side }
  return { name: name === ANY ? RANDOM_TIMES : name, side }
}

const shortly = ({ strikes }: Strike): string => (strikes === 'every-epoch' ? ' in every epoch' : '')

/** Points by their names, then those behind a first blow; what is at none comes last. */
function byPlace(one: MatrixRow, other: MatrixRow): number {
  const last = ({ name }: MatrixRow) =>
    [', behind ', RANDOM_TIMES, EVERY_EPOCH].findLastIndex((each) => name.includes(each))
  return last(one) - last(other) || (one.name < other.name ? -1 : 1)
}

export function spreadOf(measured: readonly number[]): Spread | undefined {
  const sorted = measured.toSorted((one, other) => one - other)
  const most = sorted.at(-1)
  if (most === undefined) return undefined
  return {
    count: sorted.length,
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    most,
  }
}

/** Between neighbours where it falls between them; `sorted` is not empty. */
function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share
  const below = sorted[Math.floor(at)] ?? Number.NaN
  const above = sorted[Math.ceil(at)] ?? below
  return below + (above - below) * (at - Math.floor(at))
}
