/** A run and epoch, as the subject of a fact names them. */
export type FloodKey = string

/**
 * Counts what each incarnation publishes, by the time at which the log took it, so that
 * reading a log again finds the same floods. A bucket that fills with every fact and
 * leaks `perSecond`; it holds five seconds' worth, since a hand-in is a burst.
 */
export class FloodGauge {
  readonly #perSecond: number
  readonly #buckets = new Map<FloodKey, { level: number; atMs: number }>()

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** Whether this fact is the one that overflows; told once, then again after as many more. */
  overflows(key: FloodKey, atMs: number): boolean {
    const bucket = this.#buckets.get(key) ?? { level: 0, atMs }
    const leaked = (Math.max(0, atMs - bucket.atMs) / 1000) * this.#perSecond
    bucket.level = Math.max(0, bucket.level - leaked) + 1
    // The server's clock may be set back: then it leaks from there on.
    bucket.atMs = atMs
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    this.#forgetOldest()
    if (bucket.level <= this.#perSecond * 5) return false
    bucket.level = 0
    return true
  }

  /** Bounded: the ones that have been silent longest have leaked dry. */
  #forgetOldest(): void {
    if (this.#buckets.size <= 10_000) return
    const [oldest] = this.#buckets.keys()
    if (oldest !== undefined) this.#buckets.delete(oldest)
  }
}
