import { QUICK } from '../world/world.ts'

/** Failures in a row behind which a run is parked; `undefined` where a life of the trial's length may be forgiven one. */
export function attemptLimitOf(env: Readonly<Record<string, string>>): number | undefined {
  return env.BACKOFF_PROVEN_MS === undefined ? Number(env.ATTEMPT_LIMIT ?? QUICK.ATTEMPT_LIMIT) : undefined
}
