export type AllowanceOptions = {
  /** What may be spent at once. */
  readonly burst: number
  /** What comes in again. */
  readonly perSecond: number
}

/** A worker shall still be heard before it counts as dead, whoever else in its sandbox overdraws. */
const LONGEST_WAIT_MS = 2_000

/** What one sandbox may spend, over all of its connections. Who overdraws waits until it is paid back, or for so long. */
export interface Allowance {
  /** Spends, also what is not there. Milliseconds until the debt is paid; 0 without one. */
  spend(amount: number, now: number): number
}

/** Pure but for its level; time is in milliseconds. */
export function openAllowance({ burst, perSecond }: AllowanceOptions): Allowance {
  let level = burst
  let last: number | undefined
  const lowest = (-LONGEST_WAIT_MS / 1000) * perSecond
  return {
    spend(amount, now) {
      const since = Math.max(0, now - (last ?? now))
      last = Math.max(now, last ?? now)
      level = Math.max(lowest, Math.min(burst, level + (since / 1000) * perSecond) - amount)
      return level >= 0 ? 0 : Math.ceil((-level / perSecond) * 1000)
    },
  }
}
