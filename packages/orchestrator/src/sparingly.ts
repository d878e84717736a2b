import type { Clock } from './clock.ts'

const LEAST_APART_MS = 1_000

/**
 * For what somebody else can make happen as often as he likes: passes on at most one a second,
 * with how many there were since the one before.
 */
export function sparingly<T extends unknown[]>(
  clock: Clock,
  tell: (count: number, ...what: T) => void,
): (...what: T) => void {
  let count = 0
  let toldAt = Number.NEGATIVE_INFINITY
  return (...what) => {
    count += 1
    const now = clock.monotonic()
    if (now - toldAt < LEAST_APART_MS) return
    tell(count, ...what)
    toldAt = now
    count = 0
  }
}
