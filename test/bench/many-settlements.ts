import type { Stage } from './stage.ts'

/** How many runs have come to their end; each counts once. */
export class Settlements implements Disposable {
  readonly #ended = new Set<string>()
  readonly #subscription: Disposable
  #wake: () => void = () => {}

  constructor({ bus }: Stage) {
    this.#subscription = bus.subscribe('sf.log.*.*.*.run.settled', ({ subject }) => {
      const run = subject.split('.')[3] ?? ''
      if (this.#ended.has(run)) console.error(`many: ${run} settled twice`)
      this.#ended.add(run)
      this.#wake()
    })
  }

  /** Resolves once so many have ended; rejects with the signal's reason. */
  async reach(count: number, signal: AbortSignal): Promise<void> {
    const onAbort = () => this.#wake()
    signal.addEventListener('abort', onAbort, { once: true })
    while (this.#ended.size < count && !signal.aborted)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    signal.removeEventListener('abort', onAbort)
    signal.throwIfAborted()
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
  }
}
