import type { RunId } from '@specfleet/shared'
import type { Backlog } from './backlog.ts'
import type { Demands } from './demands.ts'
import type { QueuedRun } from './world.ts'

/**
 * Those in the backlog that have nothing to do any more. There may be very many that wait, so they are not all
 * asked at every comparison: each is looked at when its record or its spec has changed.
 */
export class Recalls {
  readonly #backlog: Pick<Backlog, 'get'>
  readonly #demands: Pick<Demands, 'now'>
  readonly #recalled = new Set<RunId>()

  constructor(backlog: Pick<Backlog, 'get'>, demands: Pick<Demands, 'now'>) {
    this.#backlog = backlog
    this.#demands = demands
  }

  lookAt(runId: RunId): void {
    const run = this.#backlog.get(runId)
    const demand = run === undefined ? undefined : this.#demands.now(run)
    if (demand?.kind === 'end' || demand?.kind === 'parked') this.#recalled.add(runId)
    else this.#recalled.delete(runId)
  }

  runs(): readonly QueuedRun[] {
    return [...this.#recalled].flatMap((runId) => this.#backlog.get(runId) ?? [])
  }
}
