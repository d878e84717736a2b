import { isOwned, type OrchestratorId } from '@specfleet/shared'
import { Emitter } from '../emitter.ts'
import type { RunTable } from './run-table.ts'

/** How many runs this orchestrator may still take on. */
export class Slots {
  readonly total: number
  /** A reservation ended: where no record followed from it, nothing else tells that the slot is free. */
  readonly released = new Emitter<void>()
  readonly #table: RunTable
  readonly #me: OrchestratorId
  #reserved = 0
  #waiting: (() => void)[] = []

  constructor(collaborators: { table: RunTable }, options: { total: number; me: OrchestratorId }) {
    this.#table = collaborators.table
    this.#me = options.me
    this.total = options.total
    // Lives as long as the table itself.
    this.#table.changes.on(() => this.#tell())
  }

  get busy(): number {
    return this.#table.active().filter((run) => isOwned(run) && run.owner === this.#me).length
  }

  get free(): number {
    return Math.max(0, this.total - this.busy - this.#reserved)
  }

  /** Holds a slot for something that is not yet a record of ours. */
  reserve(): Disposable {
    this.#reserved += 1
    let held = true
    return {
      [Symbol.dispose]: () => {
        if (!held) return
        held = false
        this.#reserved -= 1
        this.#tell()
        this.released.emit()
      },
    }
  }

  /** Resolves once a slot is free; rejects with the signal's reason. */
  async available(signal: AbortSignal): Promise<void> {
    while (this.free === 0) {
      signal.throwIfAborted()
      const { promise, resolve } = Promise.withResolvers<void>()
      const wake = () => resolve()
      this.#waiting.push(wake)
      signal.addEventListener('abort', wake, { once: true })
      await promise
      signal.removeEventListener('abort', wake)
    }
    signal.throwIfAborted()
  }

  #tell(): void {
    if (this.#waiting.length === 0 || this.free === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }
}
