/** Which engine has a free place for a run. Pure. */
import type { Admission } from './breaker.ts'

/** What a run asks of its engine. */
export type Wish = {
  /** Name of a provider; `undefined` takes any, in overflow order. */
  readonly provider: string | undefined
  /** It needs an engine that makes sandboxes of a chosen image. */
  readonly image: boolean
}

/** What an engine is, whoever is on it. */
export type Offer = {
  /** Names its kind, as a task asks for it. */
  readonly provider: string
  /** It can make a sandbox of another image than its own. */
  readonly images: boolean
}

export type Places = Offer & {
  /** The one engine. */
  readonly engine: string
  /** Sandboxes that may be begun there now. */
  readonly free: number
}

export const suits = ({ provider, images }: Offer, wish: Wish): boolean =>
  (wish.provider === undefined || wish.provider === provider) && (images || !wish.image)

export type Taken = {
  /** Places of the engine that runs of ours have, those included that are on their way there. */
  readonly held: number
  /** Those of them whose sandbox is not made yet. */
  readonly pending: number
}

/** Of an engine that is sick at most one run finds out how it is. */
export function freePlaces(slots: number, admission: Admission, { held, pending }: Taken): number {
  const left = Math.max(0, slots - held)
  if (admission === 'all') return left
  return admission === 'one' && pending === 0 ? Math.min(1, left) : 0
}

/** Places as they are given out, one by one. */
export class Room {
  readonly #engines: readonly Places[]
  readonly #given = new Map<string, number>()

  /** @param engines in overflow order: the first that suits and has a place is taken */
  constructor(engines: readonly Places[]) {
    this.#engines = engines
  }

  has(wish: Wish): boolean {
    return this.#find(wish) !== undefined
  }

  /** The engine whose place it got; `undefined` when there is none now. */
  take(wish: Wish): string | undefined {
    const engine = this.#find(wish)
    if (engine !== undefined) this.#given.set(engine, this.#givenAt(engine) + 1)
    return engine
  }

  #find(wish: Wish): string | undefined {
    return this.#engines.find((one) => suits(one, wish) && one.free > this.#givenAt(one.engine))?.engine
  }

  #givenAt(engine: string): number {
    return this.#given.get(engine) ?? 0
  }
}
