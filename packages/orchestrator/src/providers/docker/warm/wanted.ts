/** How many workers should wait. Pure. */
import type { PoolSize } from '../../pool-size.ts'

/** Without demand for so long, nobody waits for more of it. */
export const IDLE_MS = 5 * 60_000
/** What comes within so long comes together: a worker that is handed over is not made up for sooner. */
export const BURST_MS = 10_000

export type Demand = {
  readonly key: string
  /** What this fleet usually asks for: the floor is of this kind. */
  readonly standing: boolean
  /** When a sandbox of that kind was asked for, in milliseconds that never jump, oldest first. */
  readonly at: readonly number[]
}

/**
 * As many of each kind as came together lately. A kind that is not the usual one has to have come again. Where all
 * are more than the ceiling, the floor comes first, then whatever was asked for last.
 */
export function wanted(demands: readonly Demand[], now: number, { floor, ceiling }: PoolSize): Map<string, number> {
  const recent = demands.map((demand) => ({ ...demand, at: demand.at.filter((at) => now - at < IDLE_MS) }))
  const byRecency = recent.toSorted((one, other) => lastOf(other) - lastOf(one))
  const counts = new Map<string, number>()
  let left = ceiling
  const grant = (key: string, most: number) => {
    const more = Math.max(0, Math.min(left, most - (counts.get(key) ?? 0)))
    counts.set(key, (counts.get(key) ?? 0) + more)
    left -= more
  }
  for (const { key, standing } of byRecency) grant(key, standing ? floor : 0)
  for (const { key, standing, at } of byRecency) if (standing || at.length > 1) grant(key, mostTogether(at))
  return counts
}

const lastOf = ({ at }: Pick<Demand, 'at'>): number => at.at(-1) ?? Number.NEGATIVE_INFINITY

/** The most that fall into any stretch of `BURST_MS`. */
function mostTogether(at: readonly number[]): number {
  let most = 0
  let first = 0
  for (const [index, time] of at.entries()) {
    while (time - (at[first] ?? time) >= BURST_MS) first++
    most = Math.max(most, index - first + 1)
  }
  return most
}
