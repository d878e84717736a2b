import type { Clock } from '../clock.ts'

type Known = { readonly stamp: string; readonly at: number }

/**
 * When a wall-clock time that somebody wrote down comes, on our own monotonic clock.
 *
 * 1. A stamp is held against the wall clock once, when it is first met: later jumps of ours move nothing.
 * 2. Whoever wrote it may have had another time: it is never further away than what may be waited for.
 */
export class Deadlines<Key> {
  readonly #clock: Clock
  readonly #mostMs: number
  readonly #known = new Map<Key, Known>()

  /** @param options.mostMs the longest wait there is */
  constructor(collaborators: { clock: Clock }, options: { mostMs: number }) {
    this.#clock = collaborators.clock
    this.#mostMs = options.mostMs
  }

  /** Milliseconds of the monotonic clock. */
  at(key: Key, stamp: string): number {
    const known = this.#known.get(key)
    if (known?.stamp === stamp) return known.at
    const left = Math.min(Math.max(Date.parse(stamp) - this.#clock.now().getTime(), 0), this.#mostMs)
    const at = this.#clock.monotonic() + left
    this.#known.set(key, { stamp, at })
    return at
  }

  /** Forgets all but these. */
  keep(keys: ReadonlySet<Key>): void {
    for (const key of this.#known.keys()) if (!keys.has(key)) this.#known.delete(key)
  }
}
