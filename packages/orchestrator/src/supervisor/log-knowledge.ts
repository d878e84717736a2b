import type { Demand, RunView, SpecState } from '@specfleet/shared'
import { runDemand, runOf } from '@specfleet/shared'
import type { Crew } from './crew.ts'
import type { ActiveRun } from './world.ts'

/** What the log said of a run at a moment when it was folded to its end. */
export type LogKnowledge = {
  readonly spec: SpecState | undefined
  readonly view: RunView | undefined
  readonly demand: Demand
  readonly foldedTo: number
  /** Last sequence of its spec; 0 for none. What is decided on this knowledge is appended behind it, or not at all. */
  readonly lastOfSpec: number
}

/** Folds the log up to what was its end at the time of the call, and reads off what it says of a run. */
export async function consultLog(
  { factLog, ledger }: Pick<Crew, 'factLog' | 'ledger'>,
  run: ActiveRun,
  signal: AbortSignal,
): Promise<LogKnowledge> {
  await ledger.caughtUp(await factLog.lastSeq(), signal)
  return knownNow({ ledger }, run)
}

/** What is folded already says of a run. */
export function knownNow({ ledger }: Pick<Crew, 'ledger'>, run: ActiveRun): LogKnowledge {
  const spec = ledger.spec(run.specId)
  return {
    spec,
    view: spec === undefined ? undefined : runOf(spec, run.runId),
    demand: runDemand(spec, run.runId),
    foldedTo: ledger.foldedTo,
    lastOfSpec: ledger.lastSeqOf(run.specId),
  }
}
