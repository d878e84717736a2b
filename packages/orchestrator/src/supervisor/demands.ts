import { isDeepStrictEqual } from 'node:util'
import type { Demand, RunId, SpecId } from '@specfleet/shared'
import { runDemand } from '@specfleet/shared'
import type { Ledger, LedgerChange } from '../ledger/ledger.ts'
import type { ActiveRun } from './world.ts'

type Asked = Pick<ActiveRun, 'runId' | 'specId' | 'foldedTo'>

/**
 * What the log asks of runs, and whether that has changed since it was last asked for. Of the
 * facts that a fleet states hardly any changes it: only those are a reason to compare again.
 */
export class Demands {
  readonly #ledger: Pick<Ledger, 'foldedTo' | 'spec'>
  readonly #told = new Map<SpecId, Map<RunId, Demand>>()
  /** The least that must be folded before a run that could not be judged can be. */
  #awaited = Number.POSITIVE_INFINITY

  constructor(ledger: Pick<Ledger, 'foldedTo' | 'spec'>) {
    this.#ledger = ledger
  }

  /** A comparison begins: what the one before was told counts no longer. */
  begin(): void {
    this.#told.clear()
    this.#awaited = Number.POSITIVE_INFINITY
  }

  /** `undefined` while less is folded than the record's writer had. */
  of(run: Asked): Demand | undefined {
    if (this.#ledger.foldedTo < run.foldedTo) {
      this.#awaited = Math.min(this.#awaited, run.foldedTo)
      return undefined
    }
    const demand = this.now(run)
    const told = this.#told.get(run.specId)
    if (told === undefined) this.#told.set(run.specId, new Map([[run.runId, demand]]))
    else told.set(run.runId, demand)
    return demand
  }

  /** What is folded already asks of a run; nothing is remembered of the question. */
  now({ specId, runId }: Pick<Asked, 'specId' | 'runId'>): Demand {
    return runDemand(this.#ledger.spec(specId), runId)
  }

  /** Whether the comparison that began last would be told something else now. */
  haveChanged({ specs, foldedTo }: Pick<LedgerChange, 'specs' | 'foldedTo'>): boolean {
    if (foldedTo >= this.#awaited) return true
    for (const specId of specs)
      for (const [runId, demand] of this.#told.get(specId) ?? [])
        if (!isDeepStrictEqual(this.now({ specId, runId }), demand)) return true
    return false
  }
}
