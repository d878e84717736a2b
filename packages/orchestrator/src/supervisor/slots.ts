import { isOwned, type OrchestratorId, type RunId } from '@specfleet/shared'
import { Emitter } from '../emitter.ts'
import type { RunTable } from './run-table.ts'

/** How many runs this orchestrator may still take on. */
export class Slots {
  readonly total: number
  /** A reservation ended: where no record followed from it, nothing else tells that the slot is free. */
  readonly released = new Emitter<void>()
  readonly #table: RunTable
  readonly #me: OrchestratorId
  /** Runs that are ours. */
  readonly #mine = new Set<RunId>()
  #reserved = 0

  constructor(collaborators: { table: RunTable }, options: { total: number; me: OrchestratorId }) {
    this.#table = collaborators.table
    this.#me = options.me
    this.total = options.total
    for (const { runId } of this.#table.active()) this.#note(runId)
    // Lives as long as the table itself.
    this.#table.changes.on((runId) => this.#note(runId))
  }

  get busy(): number {
    return this.#mine.size
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
        this.released.emit()
      },
    }
  }

  #note(runId: RunId): void {
    const run = this.#table.get(runId)
    if (run !== undefined && isOwned(run) && run.owner === this.#me) this.#mine.add(runId)
    else this.#mine.delete(runId)
  }
}
