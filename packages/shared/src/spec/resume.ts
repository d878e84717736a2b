import type { RunId } from '../contract/ids.ts'
import type { Phase } from '../contract/phase.ts'
import type { Usage } from '../contract/usage.ts'
import { outputsOf } from './checkpoint.ts'
import { plans, type RunView } from './run-view.ts'
import { runOf, type SpecState } from './state.ts'

/** Where the next epoch of a run goes on. */
export type ResumePoint = {
  /** The phase to work on; absent on paths without phases, or when all are done. */
  phase?: Phase
  /** Failed evaluations of this go at that phase. */
  failedAttempts: number
  /** Why a person sent that phase back, to be told to the model first. */
  feedback?: string
  /** Normalised outputs of completed phases. */
  outputs: Partial<Record<Phase, unknown>>
  /**
   * Turns of an epoch count only up to this sequence in `SF_TURNS`; an epoch without an
   * entry has no limit. 0 for epochs whose turns concern a plan that was dropped.
   */
  turnLimits: Map<number, number>
  /** Which conversation goes on: the phase, or the path's one conversation. */
  conversation: string
  /** Known to the log: a lower bound, since turns behind the last fact are only in `SF_TURNS`. */
  usage: Usage
  /** Highest turn number known to the log; a lower bound likewise. */
  turnsSoFar: number
}

/** Derives from the log where a run goes on; `undefined` for a run the log does not know. Pure. */
export function resumePoint(state: SpecState | undefined, runId: RunId): ResumePoint | undefined {
  const run = state === undefined ? undefined : runOf(state, runId)
  if (state === undefined || run === undefined) return undefined
  const progress = plans(run.path) && state.lifecycle === 'scoping' ? state.progress : undefined
  return {
    ...(progress === undefined ? {} : { phase: progress.phase }),
    failedAttempts: progress?.evaluations.filter(({ passed }) => !passed).length ?? 0,
    ...(progress?.feedback === undefined ? {} : { feedback: progress.feedback }),
    outputs: outputsOf(state.results),
    turnLimits: turnLimitsOf(run),
    conversation: run.path === 'phases' && progress !== undefined ? progress.phase : run.path,
    usage: run.usage,
    turnsSoFar: run.lastTurn,
  }
}

/** The fence that ends an epoch also says which of its turns came before it. */
function turnLimitsOf({ fences, staleUpTo }: RunView): Map<number, number> {
  const limits = new Map<number, number>()
  for (const [index, { epoch }] of fences.entries()) {
    const next = fences[index + 1]
    if (epoch <= staleUpTo) limits.set(epoch, 0)
    else if (next !== undefined) limits.set(epoch, next.turnsUpTo)
  }
  return limits
}
