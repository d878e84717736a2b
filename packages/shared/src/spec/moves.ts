import type { ApprovalGate, Phase } from '../contract/phase.ts'
import { hasPlan, isBefore, nextPhase } from './lifecycle.ts'
import { haltOf, type RunView } from './run-view.ts'
import { isEnded, isOpen, type SpecState } from './state.ts'

/**
 * Which moves a spec allows, asked by both sides: `decide` before it proposes a fact, `fold`
 * before it believes one. So a fact that was decided on is never ignored, unless another
 * came between. Each answers with the reason against the move, or `undefined`.
 */

export function againstPause(state: SpecState): string | undefined {
  if (!isOpen(state)) return `it is ${state.lifecycle}`
  return state.paused ? 'it is paused already' : undefined
}

/** A run that only a person can let go on. */
export const haltedRun = ({ runs }: SpecState): RunView | undefined => runs.find((run) => haltOf(run) !== undefined)

/** Ends a pause, a parking or a failure. */
export function againstResume(state: SpecState): string | undefined {
  if (isEnded(state)) return `it is ${state.lifecycle}`
  if (!isOpen(state) || state.paused || haltedRun(state) !== undefined) return undefined
  return 'it is neither paused nor parked nor failed'
}

export const againstCancel = (state: SpecState): string | undefined =>
  isEnded(state) ? `it is ${state.lifecycle}` : undefined

/** An approval or a rejection; without a `gate` the one that waits is meant. */
export function againstVerdict(state: SpecState, gate: ApprovalGate | undefined): string | undefined {
  if (state.lifecycle !== 'awaiting-approval') return `it awaits no approval: it is ${state.lifecycle}`
  return gate === undefined || state.gate === gate
    ? undefined
    : `it awaits approval of its ${state.gate}, not of its ${gate}`
}

/** A plan whose tickets have begun stays as it is. */
export function againstNewPlan(state: SpecState): string | undefined {
  if (isEnded(state)) return `it is ${state.lifecycle}`
  const begun = Object.values(state.tickets).find(({ status }) => status !== 'planned' && status !== 'withdrawn')
  return begun === undefined ? undefined : `its plan is being executed: ticket ${begun.localId} is ${begun.status}`
}

/** An edit or a re-run: the plan is made anew from a phase on. */
export function againstReplan(state: SpecState, from: Phase): string | undefined {
  const objection = againstNewPlan(state) ?? (hasPlan(state) ? undefined : 'it has no phases')
  if (objection !== undefined) return objection
  const next = nextPhase(state)
  if (next === undefined || !isBefore(next, from)) return undefined
  return `it has not come to ${from} yet: the next phase is ${next}`
}

export function againstCompletion(state: SpecState): string | undefined {
  if (state.lifecycle !== 'executing' || state.work !== 'tickets') return `it is ${state.lifecycle}`
  const open = Object.values(state.tickets).find(({ status }) => status !== 'validated' && status !== 'withdrawn')
  return open === undefined ? undefined : `ticket ${open.localId} is ${open.status}`
}

export const againstFailure = (state: SpecState): string | undefined =>
  isOpen(state) ? undefined : `it is ${state.lifecycle}`

export function againstArchive(state: SpecState): string | undefined {
  const { lifecycle } = state
  if (lifecycle === 'completed' || lifecycle === 'failed' || lifecycle === 'cancelled') return undefined
  return lifecycle === 'archived' ? 'it is archived already' : `it is ${lifecycle}: cancel it first`
}
