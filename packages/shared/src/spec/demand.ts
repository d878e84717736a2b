import type { RunId } from '../contract/ids.ts'
import type { Phase } from '../contract/phase.ts'
import { haltOf, plans, type RunView } from './run-view.ts'
import { type EndedSpec, entryOf, isEnded, isOpen, runOf, type SpecState } from './state.ts'

/** What should be true of a run now. */
export type Demand =
  | {
      kind: 'work'
      /** The phase to work on; absent where the agent drives or there are no phases. */
      phase?: Phase
      /** The current epoch, if it still runs, works on what was dropped since: replace it. */
      stale: boolean
    }
  | { kind: 'hold'; why: 'approval' | 'paused' }
  | { kind: 'end'; outcome: 'done' | 'failed' | 'cancelled'; reason?: string }
  /** Only a person can let it go on; a run that is not parked yet is to be parked. */
  | { kind: 'parked'; reason: string }

/**
 * Derives from the log alone what should be true of a run now. A run the log does not know is
 * to be worked on, since nothing speaks against it, unless its spec is paused or has ended. Pure and total.
 */
export function runDemand(state: SpecState | undefined, runId: RunId): Demand {
  if (state === undefined) return { kind: 'work', stale: false }
  const run = runOf(state, runId)
  if (run?.settled !== undefined) return { kind: 'end', ...run.settled }
  if (isEnded(state)) return endOf(state, run)
  if (run === undefined) return isPaused(state) ? { kind: 'hold', why: 'paused' } : { kind: 'work', stale: false }
  return endOfRun(state, run) ?? standstill(state, run) ?? workOf(state, run)
}

function endOf(state: EndedSpec, run: RunView | undefined): Demand {
  if (state.lifecycle === 'completed' && run !== undefined) return { kind: 'end', outcome: 'done' }
  const given = state.lifecycle === 'cancelled' ? state.reason : undefined
  return { kind: 'end', outcome: 'cancelled', reason: given ?? `the spec is ${state.lifecycle}` }
}

/** Whether the run has reached its own end, whatever the spec is at. */
function endOfRun(state: SpecState, run: RunView): Demand | undefined {
  const refused = entryOf(state.submissions, run.taskId)?.refused
  if (refused !== undefined) return { kind: 'end', outcome: 'failed', reason: refused }
  if (plans(run.path)) {
    if (run.runId !== state.planner)
      return { kind: 'end', outcome: 'cancelled', reason: `task ${state.planner ?? ''} has taken over` }
    return state.lifecycle === 'planned' || state.lifecycle === 'executing'
      ? { kind: 'end', outcome: 'done' }
      : undefined
  }
  const outcome = run.delivered?.outcome
  if (outcome !== 'done' && outcome !== 'failed') return undefined
  const reason = run.delivered?.reason
  return { kind: 'end', outcome, ...(reason === undefined ? {} : { reason }) }
}

/** Why the run may not be worked on now. */
function standstill(state: SpecState, run: RunView): Demand | undefined {
  if (run.parked !== undefined) return { kind: 'parked', reason: run.parked.reason }
  if (state.lifecycle === 'failed' && (state.stage === 'prompt' || run.path !== 'plain'))
    return { kind: 'end', outcome: 'failed', reason: state.reason }
  const halt = haltOf(run)
  if (halt !== undefined) return { kind: 'parked', reason: halt }
  if (isPaused(state)) return { kind: 'hold', why: 'paused' }
  if (plans(run.path) && state.lifecycle === 'awaiting-approval') return { kind: 'hold', why: 'approval' }
  return undefined
}

const isPaused = (state: SpecState): boolean => isOpen(state) && state.paused

function workOf(state: SpecState, run: RunView): Demand {
  const stale = run.epoch > 0 && run.epoch <= run.staleUpTo
  return run.path === 'phases' && state.lifecycle === 'scoping'
    ? { kind: 'work', phase: state.progress.phase, stale }
    : { kind: 'work', stale }
}
