import { SpecfleetError } from '@specfleet/shared'
import type { ProvenImage } from './image.ts'

/**
 * What says that an image is not fit, rather than that the engine is not. The engine's own image was tried out before:
 * what is refused in the trial of another is refused to that one.
 */
const UNFIT = new Set<string>(['provider.image', 'provider.unavailable', 'provider.refused'])

/**
 * Images that are asked for by name, each found and tried out once. One that was not fit is looked at
 * again by whoever asks next: it may have been brought meanwhile.
 */
export class AskedImages {
  readonly #find: (name: string) => Promise<ProvenImage>
  readonly #found = new Map<string, Promise<ProvenImage>>()

  /** @param find finds an image of the engine and tries it out */
  constructor(find: (name: string) => Promise<ProvenImage>) {
    this.#find = find
  }

  /** A name may mean another image by now: whoever asks next looks again. */
  forget(): void {
    this.#found.clear()
  }

  /** @throws SpecfleetError `task.image`, or what keeps the engine from answering */
  async of(name: string): Promise<ProvenImage> {
    const known = this.#found.get(name) ?? this.#find(name)
    this.#found.set(name, known)
    try {
      return await known
    } catch (error) {
      if (this.#found.get(name) === known) this.#found.delete(name)
      throw asTasks(error)
    }
  }

  /** No container could be made of it, whatever the reason: the next one looks again. */
  failed(name: string, error: unknown): unknown {
    this.#found.delete(name)
    return error instanceof SpecfleetError && error.code === 'provider.image' ? asTasks(error) : error
  }
}

/** The engine is none the worse for an image that somebody asked for: it is the task that has to change. */
function asTasks(error: unknown): unknown {
  if (!(error instanceof SpecfleetError) || !UNFIT.has(error.code)) return error
  return new SpecfleetError('task.image', error.message, { cause: error, next: error.next })
}
