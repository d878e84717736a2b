import { attemptLimitOf } from './course/attempt-limit.ts'
import { calmRun } from './course/calm.ts'
import { coldStartsOf } from './course/cold-starts.ts'
import { runDisturbed, scout } from './course/course.ts'
import { FREEZE_MS, LIMIT_MS, POISONED_JOBS } from './course/limits.ts'
import { standstill } from './course/standstill.ts'
import { FIRST_BLOWS, type Scout } from './first-blows.ts'
import type { Point, PointName } from './points/point.ts'
import { paidAgain } from './verdict/spending.ts'
import { judge } from './verdict/verdict.ts'
import { notesOf } from './verdict/zombies.ts'
import { gather } from './world/gather.ts'
import { endAndLook, endedByThemselves } from './world/leftovers.ts'
import type { VictimName } from './world/victim.ts'
import { VICTIM_BY_NAME } from './world/victims/index.ts'
import { openWorld } from './world/world.ts'

/** What is struck, and when. */
export type Strike = {
  readonly victim: VictimName
  readonly at: When
  /** Strikes again in every epoch of the run that stood there first, until that run is parked. Default `once`. */
  readonly strikes?: 'once' | 'every-epoch'
}

/** One disturbance of one world. The same trial comes to the same verdict, whenever it is run. */
export type Trial = Strike & {
  /** Decides the work of the world and everything in it that is left to chance. */
  readonly seed: number
  /** A blow before: then the trial's own point is awaited, and counted, from that blow on. */
  readonly first?: Strike
}

export type When =
  | { readonly kind: 'point'; readonly point: Point }
  /** So long after the first task was submitted, in milliseconds. */
  | { readonly kind: 'time'; readonly afterMs: number }

/** What is against an invariant, with the evidence. */
export type Violation = {
  /** Which promise: `settles once`, `same final state` ... */
  readonly promise: string
  /** One sentence. */
  readonly sentence: string
  readonly evidence: readonly string[]
}

export type Outcome = {
  readonly trial: Trial
  /** Empty when everything held. */
  readonly violations: readonly Violation[]
  /** From the blow until the world went on: the next epoch ready, the run adopted, the server answering again. */
  readonly recoveryMs: number | undefined
  /** Cold starts of this world, creation of the sandbox to `run.ready`, in milliseconds. */
  readonly coldStartsMs: readonly number[]
  readonly turnsPaidTwice: number
  /** Why nothing was struck: the victim does not exist at that point. */
  readonly skipped?: string
  readonly notes: readonly string[]
}

export type TrialOptions = {
  /** A trial that takes longer is itself a violation. Default 90 s, and the length of the blow on top. */
  readonly limitMs?: number
  /** How long a server stays frozen, in milliseconds. Default 30 s. */
  readonly freezeMs?: number
  /** Only the first so many tasks of the seed. Default all. */
  readonly jobs?: number
  /** Further variables of the orchestrators: a deployment's own configuration. */
  readonly env?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** The undisturbed run of a seed. */
export type Calm = {
  /** How often each point came by. */
  readonly seen: ReadonlyMap<PointName, number>
  readonly coldStartsMs: readonly number[]
  readonly ms: number
}

/** The undisturbed run of a seed, and what is against it. Done once a process. */
export async function runCalm(
  seed: number,
  options: TrialOptions = {},
): Promise<Calm & { readonly violations: readonly Violation[] }> {
  return calmRun(seed, Number.POSITIVE_INFINITY, options)
}

/**
 * Brings a world up, strikes it, lets it go on until all is settled, and judges what came of it. Two at a time do
 * not disturb each other. Never throws for what a world does: that is a violation.
 */
export async function runTrial(trial: Trial, options: TrialOptions = {}): Promise<Outcome> {
  const { limitMs = LIMIT_MS, freezeMs = FREEZE_MS, env = {} } = options
  const strikes = trial.first === undefined ? [trial] : [trial.first, trial]
  const victims = strikes.map(({ victim }) => VICTIM_BY_NAME[victim])
  const jobs = Math.min(jobsOf(strikes), options.jobs ?? Number.POSITIVE_INFINITY)
  const calm = await calmRun(trial.seed, jobs, options)
  const prepared = await Promise.all(victims.map((victim) => victim.prepare?.()))
  await using world = await openWorld({ seed: trial.seed, jobs, env: Object.assign({}, env, ...prepared) })
  const outageMs = victims.reduce((sum, victim) => sum + victim.outageMs({ freezeMs }), 0)
  const limit = AbortSignal.timeout(limitMs + outageMs)
  const signal = options.signal === undefined ? limit : AbortSignal.any([limit, options.signal])
  try {
    const { recoveryMs, skipped, ...course } = await runDisturbed(world, trial, { freezeMs, signal })
    const evidence = await gather(world, signal)
    const ended = await endedByThemselves(world)
    const left = await endAndLook(world, evidence)
    const toldToModel = victims.some((victim) => victim.toldToModel === true)
    const disturbance = { ...course, toldToModel, attemptLimit: attemptLimitOf(env), ended }
    return {
      trial,
      violations: [...judge(evidence, calm.evidence, disturbance), ...left],
      recoveryMs,
      coldStartsMs: coldStartsOf(evidence.log),
      turnsPaidTwice: [...paidAgain(evidence).values()].reduce((sum, each) => sum + each, 0),
      ...(skipped === undefined ? {} : { skipped }),
      notes: notesOf(disturbance),
    }
  } catch (error) {
    if (options.signal?.aborted) throw error
    const violations = [standstill(world, error)]
    return { trial, violations, recoveryMs: undefined, coldStartsMs: [], turnsPaidTwice: 0, notes: [] }
  }
}

/** What the undisturbed run does not show: what is said behind each first blow, counted from it. Once each. */
export async function runScouts(seed: number, options: TrialOptions = {}): Promise<Scout[]> {
  const { limitMs = LIMIT_MS, env = {} } = options
  const scouts: Scout[] = []
  for (const { strike, again } of FIRST_BLOWS) {
    const limit = AbortSignal.timeout(limitMs)
    const signal = options.signal === undefined ? limit : AbortSignal.any([limit, options.signal])
    await using world = await openWorld({ seed, jobs: jobsOf([strike]), env })
    scouts.push({ strike, again, seen: await scout(world, strike, { freezeMs: FREEZE_MS, signal }) })
  }
  return scouts
}

const jobsOf = (strikes: readonly Strike[]): number =>
  strikes.some((each) => each.strikes === 'every-epoch') ? POISONED_JOBS : Number.POSITIVE_INFINITY
