import type { Clock } from '../clock.ts'
import { Emitter } from '../emitter.ts'
import type { Log } from '../log.ts'
import type { Labels, RefusedOnWay, SandboxProvider } from '../providers/provider.ts'
import type { BreakerPolicy } from './breaker.ts'
import type { Offer } from './room.ts'
import { Site } from './site.ts'

type Collaborators = { readonly providers: readonly SandboxProvider[]; readonly clock: Clock; readonly log: Log }

export type EnginesOptions = {
  /** Sandboxes at a time of each provider, by its name; of others as many as there are slots. */
  readonly slotsOf: ReadonlyMap<string, number>
  readonly slots: number
  readonly breaker: BreakerPolicy
}

/** Every engine that this orchestrator reaches, in overflow order. */
export class Engines implements AsyncDisposable {
  readonly all: readonly Site[]
  /** What some engine has, or whether it is well, may have changed. */
  readonly changes = new Emitter<void>()
  /** What sandboxes were refused on their way to the bus, with whose they are. */
  readonly refused = new Emitter<RefusedOnWay & { readonly labels: Labels }>()
  readonly #byEngine: ReadonlyMap<string, Site>
  readonly #listening = new DisposableStack()

  constructor({ providers, clock, log }: Collaborators, { slotsOf, slots, breaker }: EnginesOptions) {
    this.all = providers.map(
      (provider) =>
        new Site({ provider, clock, log }, { slots: Math.min(slots, slotsOf.get(provider.name) ?? slots), breaker }),
    )
    this.#byEngine = new Map(this.all.map((site) => [site.engine, site]))
    for (const site of this.all) {
      this.#listening.use(site.changes.on(() => this.changes.emit()))
      this.#listening.use(site.sandboxes.refused.on((event) => this.refused.emit(event)))
    }
  }

  /** Resolves when every engine was listed once, or could not be. */
  async start(): Promise<void> {
    await Promise.all(this.all.map((site) => site.start()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listening[Symbol.dispose]()
    await Promise.all(this.all.map((site) => site[Symbol.asyncDispose]()))
  }

  /** `undefined` for an engine that only others reach. */
  at(engine: string): Site | undefined {
    return this.#byEngine.get(engine)
  }

  get offers(): Offer[] {
    return this.all.map(({ provider: { name, images } }) => ({ provider: name, images }))
  }

  /** Those that are given no work now, and why. */
  get sick(): { engine: string; reason: string }[] {
    return this.all.flatMap(({ engine, sick }) => (sick === undefined ? [] : { engine, reason: sick.slice(0, 1024) }))
  }
}
