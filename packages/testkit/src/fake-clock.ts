import type { Clock } from '../../orchestrator/src/clock.ts'

type Timer = { readonly at: number; readonly run: () => void }

/** A clock that stands still until it is told to go on. */
export class FakeClock implements Clock {
  #now = 0
  #epoch: number
  readonly #timers = new Set<Timer>()

  constructor(startsAt = new Date('2026-11-20T12:00:00.000Z')) {
    this.#epoch = startsAt.getTime()
  }

  now(): Date {
    return new Date(this.#epoch + this.#now)
  }

  /** Somebody sets the wall clock, forward or back; no time passes. */
  setBy(ms: number): void {
    this.#epoch += ms
  }

  monotonic(): number {
    return this.#now
  }

  after(ms: number, run: () => void): Disposable {
    const timer: Timer = { at: this.#now + Math.max(0, ms), run }
    this.#timers.add(timer)
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) }
  }

  /** Timers that have not run. */
  get pending(): number {
    return this.#timers.size
  }

  /** Time passes and nothing runs, as when a process is stopped; what fell due runs with the next `advance`. */
  standStill(ms: number): void {
    this.#now += ms
  }

  /** Lets time pass, and runs what falls due, each at its time. */
  advance(ms: number): void {
    const until = this.#now + ms
    for (;;) {
      const next = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#now = Math.max(this.#now, next.at)
      this.#timers.delete(next)
      next.run()
    }
    this.#now = until
  }
}
