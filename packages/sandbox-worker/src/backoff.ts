/**
 * How long to wait before a try: doubles from `baseMs` up to `capMs`, and a random half of it is left
 * away, so that many that failed together do not come back together.
 *
 * @param failures how often it failed so far, from 1
 * @param random from 0 up to, but not including, 1
 */
export function backoffMs(
  failures: number,
  random: number,
  { baseMs, capMs }: { baseMs: number; capMs: number },
): number {
  const full = Math.min(capMs, baseMs * 2 ** (failures - 1))
  return Math.round(full * (0.5 + random / 2))
}
