import type { Named } from './name.ts'
import { ANY, type Point, type PointName } from './point.ts'
import type { Stopped } from './relay.ts'
import { Tally } from './tally.ts'

/** Somebody has come to the awaited point. Exactly one of the two is called. */
export type Arrival = {
  readonly point: Point
  /** It stands there now. */
  stands(stopped: Stopped): void
  /** It is gone, before it could be made to stand: whoever says the same next is awaited instead. */
  gone(): void
}

/** From when on a point's number is counted: from the first message of all, or from the next. */
export type CountedFrom = 'start' | 'now'

type Awaited = {
  readonly point: Point
  /** What was said before counting began. */
  readonly before: Tally
  /** Somebody is coming to a stand at it: nobody else is to. */
  taken: boolean
  resolve(stopped: Stopped): void
  reject(reason: unknown): void
}

/** Counts what is said, and knows which points are awaited. */
export class Stops {
  readonly #tally = new Tally()
  readonly #awaited = new Set<Awaited>()

  /** By name, the most that was said of one run (or spec, or orchestrator). */
  get seen(): ReadonlyMap<PointName, number> {
    return this.#tally.since(new Tally())
  }

  /** The count as it stands now. */
  tally(): Tally {
    return new Tally(this.#tally)
  }

  /** What was said behind an earlier count. */
  seenSince(before: Tally): ReadonlyMap<PointName, number> {
    return this.#tally.since(before)
  }

  async await(point: Point, signal: AbortSignal, from: CountedFrom = 'start'): Promise<Stopped> {
    signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<Stopped>()
    const before = from === 'start' ? new Tally() : this.tally()
    const awaited: Awaited = { point, before, taken: false, resolve, reject }
    this.#awaited.add(awaited)
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#awaited.delete(awaited)
    }
  }

  /** Counts it; tells whether it is one that is awaited, or comes behind one that got away. */
  meet(named: Named): Arrival | undefined {
    this.#tally.count(named)
    for (const awaited of this.#awaited) {
      const { point, before, taken, resolve } = awaited
      if (taken || (point.name !== ANY && point.name !== named.name)) continue
      if (this.#tally.of(point.name, named) - before.of(point.name, named) < point.nth) continue
      awaited.taken = true
      const gone = () => {
        awaited.taken = false
      }
      return { point, stands: resolve, gone }
    }
    return undefined
  }

  /** Who still waits learns that nothing can come any more. */
  close(reason: unknown): void {
    for (const { reject } of this.#awaited) reject(reason)
  }
}
