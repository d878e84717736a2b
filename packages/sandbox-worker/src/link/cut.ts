import { type BusStatus, SpecfleetError } from '@specfleet/shared/boot'

/** Fires its signal when the bus has been away for longer than a worker may live without it. */
export class CutWatch implements Disposable {
  readonly #limitMs: number
  readonly #controller = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #over = false

  constructor(limitMs: number) {
    this.#limitMs = limitMs
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  readonly onStatus = (status: BusStatus): void => {
    if (this.#over) return
    switch (status.kind) {
      case 'connected':
      case 'reconnected':
        this.#rest()
        break
      case 'disconnected':
        this.#timer ??= setTimeout(() => this.#fire('it has been away for too long'), this.#limitMs)
        break
      case 'refused':
        this.#fire(status.reason)
        break
      case 'closed':
        this.#fire('the connection was closed')
        break
      case 'slow-consumer':
        break
    }
  };

  /** From here on the bus may close. */
  [Symbol.dispose](): void {
    this.#over = true
    this.#rest()
  }

  #rest(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #fire(reason: string): void {
    this.#rest()
    this.#controller.abort(new SpecfleetError('bus.unreachable', reason))
  }
}
