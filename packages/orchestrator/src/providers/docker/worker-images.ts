import { type SpecfleetError, toSpecfleetError } from '@specfleet/shared'
import type { Log } from '../../log.ts'
import type { EngineClient } from './engine-client.ts'
import type { ProvenImage, WorkerImage } from './image.ts'

export type WorkerImagesOptions = {
  readonly client: EngineClient
  /** The image as it is on the engine now. */
  readonly find: () => Promise<WorkerImage>
  /** Rejects when no worker starts in it. */
  readonly prove: (image: WorkerImage) => Promise<ProvenImage>
  readonly log: Log
}

/**
 * What new containers are made of: what the image's name means, from the moment on that it means it. An image in which
 * no worker starts, or that is gone, changes nothing.
 */
export class WorkerImages implements Disposable {
  readonly #options: WorkerImagesOptions
  #current: ProvenImage
  #following: Disposable | undefined
  #looking: Promise<void> | undefined
  #again = false
  #over = false
  onChange: () => void = () => {}
  /** Some name may mean another image. */
  onTold: () => void = () => {}

  constructor(current: ProvenImage, options: WorkerImagesOptions) {
    this.#current = current
    this.#options = options
  }

  get current(): ProvenImage {
    return this.#current
  }

  /** Looks now, and whenever the engine tells that a name may mean another image. */
  look(): Promise<void> {
    this.#again = true
    this.#looking ??= this.#lookOn().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  [Symbol.dispose](): void {
    this.#over = true
    this.#following?.[Symbol.dispose]()
  }

  async #lookOn(): Promise<void> {
    try {
      await this.#follow()
      while (this.#again && !this.#over) {
        this.#again = false
        await this.#lookOnce()
      }
    } catch (thrown) {
      const error: SpecfleetError = toSpecfleetError(thrown)
      if (!this.#over) this.#options.log.warn('engine.image-kept', { image: this.#current.name, error })
    }
  }

  /** Before looking, so that nothing is missed in between. */
  async #follow(): Promise<void> {
    if (this.#following !== undefined || this.#over) return
    const following = await this.#options.client.followImages(
      () => {
        this.onTold()
        void this.look()
      },
      () => {
        this.#following = undefined
      },
    )
    if (this.#over) following[Symbol.dispose]()
    else this.#following = following
  }

  async #lookOnce(): Promise<void> {
    const { find, prove, log } = this.#options
    const found = await find()
    if (found.id === this.#current.id) return
    const proven = await prove(found)
    log.info('engine.image-changed', { image: found.name, from: this.#current.id, to: found.id })
    this.#current = proven
    this.onChange()
  }
}
