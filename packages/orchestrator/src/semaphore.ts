/** Lets so many through at a time, in the order they came. */
export class Semaphore {
  readonly #permits: number
  #free: number
  /** First in, first served: a set keeps the order, and lets one leave from the middle. */
  readonly #waiting = new Set<() => void>()
  /** Those that want no turn before everybody has gone. */
  readonly #patient = new Set<() => void>()

  constructor(permits: number) {
    this.#permits = permits
    this.#free = permits
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    using _permit = await this.acquire()
    return await work()
  }

  /** A permit to go through, given back when it is disposed of. Rejects with the signal's reason. */
  async acquire(signal?: AbortSignal): Promise<Disposable> {
    signal?.throwIfAborted()
    if (this.#free > 0) this.#free -= 1
    else await this.#turn(signal)
    let held = true
    return {
      [Symbol.dispose]: () => {
        if (held) this.#giveBack()
        held = false
      },
    }
  }

  /**
   * As `acquire`, but behind everybody, whoever comes meanwhile: when nobody is inside and nobody waits.
   * Of those that wait so, the first comes first.
   */
  async acquireLast(signal?: AbortSignal): Promise<Disposable> {
    signal?.throwIfAborted()
    while (this.#free < this.#permits) {
      await this.#idle(signal)
      signal?.throwIfAborted()
    }
    return await this.acquire(signal)
  }

  /** When all permits were given back; somebody may have been faster. */
  async #idle(signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const leave = () => reject(signal?.reason)
    signal?.addEventListener('abort', leave, { once: true })
    this.#patient.add(resolve)
    try {
      await promise
    } finally {
      this.#patient.delete(resolve)
      signal?.removeEventListener('abort', leave)
    }
  }

  #turn(signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const leave = () => {
      this.#waiting.delete(enter)
      reject(signal?.reason)
    }
    const enter = () => {
      signal?.removeEventListener('abort', leave)
      resolve()
    }
    this.#waiting.add(enter)
    signal?.addEventListener('abort', leave, { once: true })
    return promise
  }

  #giveBack(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#free += 1
      if (this.#free === this.#permits) for (const enter of [...this.#patient]) enter()
    } else {
      this.#waiting.delete(next)
      next()
    }
  }
}
