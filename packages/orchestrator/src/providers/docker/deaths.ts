import { type Clock, every } from '../../clock.ts'
import type { Log } from '../../log.ts'
import type { EngineClient } from './engine-client.ts'

const RETRY_DELAYS_MS = [0, 100, 500, 2_000, 5_000] as const
/** Events are a hint, and an engine may forget one: so often all is listed again. */
const LOOK_AGAIN_MS = 60_000

type Heard = {
  readonly onDeath: (name: string) => void
  /** Deaths may have been missed. */
  readonly onGap: () => void
}

/**
 * Hears of the deaths of the fleet's containers until it is disposed of. Whenever the engine stops telling, because
 * it went away or was started again, it is asked anew, and what may have been missed meanwhile is a gap.
 */
export class Deaths implements Disposable {
  readonly #client: EngineClient
  readonly #clock: Clock
  readonly #log: Log
  readonly #fleet: string
  readonly #heard: Heard
  #following: Disposable | undefined
  #timer: Disposable | undefined
  readonly #round: Disposable
  #failures = 0
  #over = false

  constructor(of: { client: EngineClient; clock: Clock; log: Log; fleet: string }, heard: Heard) {
    this.#client = of.client
    this.#clock = of.clock
    this.#log = of.log
    this.#fleet = of.fleet
    this.#heard = heard
    this.#round = every(of.clock, LOOK_AGAIN_MS, heard.onGap)
  }

  /** Resolves when the engine tells of deaths, or could not be asked to. */
  async start(): Promise<void> {
    try {
      const following = await this.#client.followDeaths(this.#fleet, this.#heard.onDeath, () => this.#ended())
      if (this.#over) return following[Symbol.dispose]()
      this.#following = following
      // What died while nobody listened is not told again.
      if (this.#failures > 0) this.#heard.onGap()
      this.#failures = 0
    } catch (error) {
      if (this.#over) return
      this.#log.warn('engine.not-followed', { error })
      this.#ended()
    }
  }

  [Symbol.dispose](): void {
    this.#over = true
    this.#timer?.[Symbol.dispose]()
    this.#round[Symbol.dispose]()
    this.#following?.[Symbol.dispose]()
  }

  #ended(): void {
    if (this.#over) return
    this.#following = undefined
    if (this.#failures === 0) this.#heard.onGap()
    const delay = RETRY_DELAYS_MS[Math.min(this.#failures++, RETRY_DELAYS_MS.length - 1)] ?? 0
    this.#timer = this.#clock.after(delay, () => void this.start())
  }
}
