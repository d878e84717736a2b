import type { Calm, TrialOptions, Violation } from '../trial.ts'
import type { Evidence } from '../verdict/evidence.ts'
import { judge } from '../verdict/verdict.ts'
import { gather } from '../world/gather.ts'
import { endAndLook } from '../world/leftovers.ts'
import { openWorld } from '../world/world.ts'
import { coldStartsOf } from './cold-starts.ts'
import { runUndisturbed } from './course.ts'
import { LIMIT_MS } from './limits.ts'

/** The undisturbed run of a seed, itself judged like any other. */
export type CalmRun = Calm & { readonly evidence: Evidence; readonly violations: readonly Violation[] }

const known = new Map<string, Promise<CalmRun>>()

/** Done once a process for each seed. */
export function calmRun(seed: number, jobs: number, options: TrialOptions): Promise<CalmRun> {
  const key = `${seed} ${jobs} ${JSON.stringify(options.env ?? {})}`
  const run = known.get(key) ?? makeCalmRun(seed, jobs, options)
  known.set(key, run)
  return run
}

async function makeCalmRun(
  seed: number,
  jobs: number,
  { env = {}, limitMs = LIMIT_MS, signal: stop }: TrialOptions,
): Promise<CalmRun> {
  const startedAt = performance.now()
  const limit = AbortSignal.timeout(limitMs)
  const signal = stop === undefined ? limit : AbortSignal.any([limit, stop])
  await using world = await openWorld({ seed, env, jobs })
  const seen = await runUndisturbed(world, signal)
  const evidence = await gather(world, signal)
  const left = await endAndLook(world, evidence)
  const undisturbed = { blows: 0, zombie: undefined, toldToModel: false, attemptLimit: undefined, ended: [] }
  return {
    seen,
    evidence,
    coldStartsMs: coldStartsOf(evidence.log),
    violations: [...judge(evidence, evidence, undisturbed), ...left],
    ms: performance.now() - startedAt,
  }
}
