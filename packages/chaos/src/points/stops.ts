import { SpecfleetError } from '@specfleet/shared'
import type { Named } from './name.ts'
import { ANY, describePoint, type Point, type PointName } from './point.ts'
import type { Stopped } from './relay.ts'

/** Somebody has come to the awaited point. Exactly one of the two is called. */
export type Arrival = {
  readonly point: Point
  /** It stands there now. */
  stands(stopped: Stopped): void
  /** It is gone, before it could be made to stand: whoever says the same next is awaited instead. */
  gone(): void
}

type Awaited = {
  readonly point: Point
  /** Somebody is coming to a stand at it: nobody else is to. */
  taken: boolean
  resolve(stopped: Stopped): void
  reject(reason: unknown): void
}

/** Counts what is said, and knows which point is awaited. */
export class Stops {
  readonly #seen = new Map<PointName, number>()
  readonly #counts = new Map<string, number>()
  #all = 0
  #awaited: Awaited | undefined

  /** By name, the most that was said of one run (or spec, or orchestrator). */
  get seen(): ReadonlyMap<PointName, number> {
    return this.#seen
  }

  /** @throws SpecfleetError `internal` when another point is awaited */
  async await(point: Point, signal: AbortSignal): Promise<Stopped> {
    signal.throwIfAborted()
    if (this.#awaited !== undefined)
      throw new SpecfleetError('internal', `${describePoint(this.#awaited.point)} is awaited already`)
    const { promise, resolve, reject } = Promise.withResolvers<Stopped>()
    const awaited: Awaited = { point, taken: false, resolve, reject }
    this.#awaited = awaited
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
      if (this.#awaited === awaited) this.#awaited = undefined
    }
  }

  /** Counts it; tells whether it is the one that is awaited, or comes behind one that got away. */
  meet({ name, about }: Named): Arrival | undefined {
    this.#all += 1
    this.#seen.set(ANY, this.#all)
    const key = `${name} ${about}`
    const count = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, count)
    if (count > (this.#seen.get(name) ?? 0)) this.#seen.set(name, count)

    const awaited = this.#awaited
    if (awaited === undefined || awaited.taken) return undefined
    const { point } = awaited
    const nth = point.name === ANY ? this.#all : point.name === name ? count : 0
    if (nth < point.nth) return undefined
    awaited.taken = true
    const gone = () => {
      awaited.taken = false
    }
    return { point, stands: awaited.resolve, gone }
  }

  /** Who still waits learns that nothing can come any more. */
  close(reason: unknown): void {
    this.#awaited?.reject(reason)
  }
}
