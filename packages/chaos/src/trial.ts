import { calmRun } from './course/calm.ts'
import { coldStartsOf } from './course/cold-starts.ts'
import { runDisturbed } from './course/course.ts'
import { FREEZE_MS, LIMIT_MS, POISONED_JOBS } from './course/limits.ts'
import { standstill } from './course/standstill.ts'
import type { Point, PointName } from './points/point.ts'
import { paidAgain } from './verdict/spending.ts'
import { judge } from './verdict/verdict.ts'
import { gather } from './world/gather.ts'
import { endAndLook } from './world/leftovers.ts'
import type { VictimName } from './world/victim.ts'
import { VICTIM_BY_NAME } from './world/victims/index.ts'
import { openWorld } from './world/world.ts'

/** One disturbance of one world. The same trial comes to the same verdict, whenever it is run. */
export type Trial = {
  /** Decides the work of the world and everything in it that is left to chance. */
  readonly seed: number
  readonly victim: VictimName
  readonly at: When
  /** Strikes again in every epoch of the run that stood there first, until that run is parked. Default `once`. */
  readonly strikes?: 'once' | 'every-epoch'
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
  const victim = VICTIM_BY_NAME[trial.victim]
  const jobs = trial.strikes === 'every-epoch' ? POISONED_JOBS : Number.POSITIVE_INFINITY
  const calm = await calmRun(trial.seed, jobs, options)
  const prepared = { ...env, ...(await victim.prepare?.()) }
  await using world = await openWorld({ seed: trial.seed, jobs, env: prepared })
  const limit = AbortSignal.timeout(limitMs + victim.outageMs({ freezeMs }))
  const signal = options.signal === undefined ? limit : AbortSignal.any([limit, options.signal])
  try {
    const course = await runDisturbed(world, trial, victim, { freezeMs, signal })
    const evidence = await gather(world, signal)
    const left = await endAndLook(world, evidence)
    const { recoveryMs, skipped, notes } = course
    return {
      trial,
      violations: [...judge(evidence, calm.evidence, course), ...left],
      recoveryMs,
      coldStartsMs: coldStartsOf(evidence.log),
      turnsPaidTwice: [...paidAgain(evidence).values()].reduce((sum, each) => sum + each, 0),
      ...(skipped === undefined ? {} : { skipped }),
      notes,
    }
  } catch (error) {
    if (options.signal?.aborted) throw error
    const violations = [standstill(world, error)]
    return { trial, violations, recoveryMs: undefined, coldStartsMs: [], turnsPaidTwice: 0, notes: [] }
  }
}
