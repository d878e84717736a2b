/** Whether an engine is given work, as its own failures say. Pure: times are passed in, in milliseconds. */

/** What an engine's failure says of the engine. */
export type Fault =
  /** It is not there, or does not let us in. */
  | 'gone'
  /** It has no room, or will not do what it is asked: that seldom changes soon. */
  | 'quota'
  /** It failed inside. That may be for the one sandbox that was asked for. */
  | 'failing'

const FAULTS: Readonly<Record<string, Fault>> = {
  'provider.engine-gone': 'gone',
  'provider.unavailable': 'gone',
  'provider.no-space': 'quota',
  'provider.refused': 'quota',
  'provider.image': 'quota',
  'provider.failed': 'failing',
}

/** `undefined`: the failure is the task's own, such as an image that it named. */
export const faultOf = (code: string): Fault | undefined => (Object.hasOwn(FAULTS, code) ? FAULTS[code] : undefined)

/** Whether no run is to blame for it: it costs none an attempt. */
export function isEnginesOwn(code: string): boolean {
  const fault = faultOf(code)
  return fault === 'gone' || fault === 'quota'
}

export type BreakerPolicy = {
  /** Rest after the first failure; it doubles with every trial that fails. */
  readonly firstMs: number
  readonly longestMs: number
  /** The same after `quota`, up to eight times as long. */
  readonly quotaMs: number
}

/** So many runs that fail in a row, each inside the engine, are the engine's fault. */
const STRIKES = 3
const QUOTA_DOUBLINGS = 3

type Sick = {
  readonly fault: Fault
  /** For people. */
  readonly reason: string
  /** Trials that failed, the first one included. */
  readonly failures: number
}

export type Breaker =
  /** `struck`: runs that failed inside the engine since something went well. */
  | { readonly kind: 'closed'; readonly struck: readonly string[] }
  /** Nothing is asked of it; from `until` on one run may try. */
  | ({ readonly kind: 'open'; readonly until: number } & Sick)
  /** One run tries. */
  | ({ readonly kind: 'probing' } & Sick)

export const WELL: Breaker = { kind: 'closed', struck: [] }

/** How many runs may begin now. */
export type Admission = 'all' | 'one' | 'none'

export function admits(breaker: Breaker, now: number): Admission {
  if (breaker.kind === 'closed') return 'all'
  return breaker.kind === 'open' && breaker.until <= now ? 'one' : 'none'
}

/** A run begins: where only one may, it is this one. `undefined` when none may. */
export function begun(breaker: Breaker, now: number): Breaker | undefined {
  if (breaker.kind === 'closed') return breaker
  if (admits(breaker, now) !== 'one' || breaker.kind !== 'open') return undefined
  const { until: _, ...sick } = breaker
  return { ...sick, kind: 'probing' }
}

/** A sandbox was made. What was begun before the engine fell sick says nothing of how it is now. */
export const worked = (breaker: Breaker): Breaker => (breaker.kind === 'open' ? breaker : WELL)

export type Failure = { readonly code: string; readonly reason: string; readonly runId: string }

/** A sandbox was not made. Failures that come while it rests already were begun before, and change nothing. */
export function failed(
  breaker: Breaker,
  { code, reason, runId }: Failure,
  now: number,
  policy: BreakerPolicy,
): Breaker {
  const fault = faultOf(code)
  if (breaker.kind === 'open') return breaker
  if (breaker.kind === 'probing')
    return fault === undefined ? undecided(breaker, now) : rest(fault, reason, breaker.failures + 1, now, policy)
  if (fault === undefined) return breaker
  if (fault !== 'failing') return rest(fault, reason, 1, now, policy)
  const struck = [...new Set([...breaker.struck, runId])]
  return struck.length < STRIKES ? { kind: 'closed', struck } : rest(fault, reason, 1, now, policy)
}

/** The trial ended without a word of the engine: the next one may try. */
export function undecided(breaker: Breaker, now: number): Breaker {
  return breaker.kind === 'probing' ? { ...breaker, kind: 'open', until: now } : breaker
}

/** It answers again: whether it is well, one run finds out now. */
export function answered(breaker: Breaker, now: number): Breaker {
  return breaker.kind === 'open' && breaker.fault === 'gone'
    ? { ...breaker, until: Math.min(breaker.until, now) }
    : breaker
}

function rest(fault: Fault, reason: string, failures: number, now: number, policy: BreakerPolicy): Breaker {
  return { kind: 'open', fault, reason, failures, until: now + restMs(fault, failures, policy) }
}

function restMs(fault: Fault, failures: number, { firstMs, longestMs, quotaMs }: BreakerPolicy): number {
  if (fault === 'quota') return quotaMs * 2 ** Math.min(failures - 1, QUOTA_DOUBLINGS)
  return Math.min(firstMs * 2 ** Math.min(failures - 1, 30), longestMs)
}
