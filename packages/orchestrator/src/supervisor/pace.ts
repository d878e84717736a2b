import type { Clock } from '../clock.ts'

/** Behind each call so many times as long is for everything else. */
const REST = 4
const LONGEST_REST_MS = 50

/**
 * Calls soon when it is asked to; however often it is asked meanwhile, once. It rests behind
 * each call in proportion, so the share of time that the calls take is bounded whatever
 * their size, and one that is asked for after a rest is not put off.
 */
export class Pace implements Disposable {
  readonly #clock: Clock
  readonly #work: () => void
  #next: Disposable | undefined
  #restUntil = Number.NEGATIVE_INFINITY
  #closed = false

  constructor(collaborators: { clock: Clock }, work: () => void) {
    this.#clock = collaborators.clock
    this.#work = work
  }

  ask(): void {
    if (this.#next !== undefined || this.#closed) return
    const restMs = this.#restUntil - this.#clock.monotonic()
    // A timer of less would wait for a millisecond all the same.
    this.#next = restMs >= 1 ? this.#clock.after(restMs, () => this.#call()) : setImmediate(() => this.#call())
  }

  [Symbol.dispose](): void {
    this.#closed = true
    this.#next?.[Symbol.dispose]()
  }

  #call(): void {
    this.#next = undefined
    const startedAt = this.#clock.monotonic()
    this.#work()
    const endedAt = this.#clock.monotonic()
    this.#restUntil = endedAt + Math.min(REST * (endedAt - startedAt), LONGEST_REST_MS)
  }
}
