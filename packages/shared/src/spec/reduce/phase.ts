import type { GateResult } from '../../contract/facts/phase.ts'
import type { Phase } from '../../contract/phase.ts'
import { admit, ticketsOf } from '../checkpoint.ts'
import { baseOf, planningState } from '../lifecycle.ts'
import { plans, type RunView } from '../run-view.ts'
import type { Evaluation, SpecIn, SpecState } from '../state.ts'
import { type FactOf, larger, plus, refuse, withRun, withSpending } from './changes.ts'

type PhaseFact = FactOf<'phase.started' | 'phase.evaluated' | 'phase.completed' | 'phase.failed'>

/**
 * What a worker says of phases. It counts only from the run that plans, about the phase that
 * is next, and from an epoch that works on the plan as it is. `run` is already moved on to
 * this fact's `seq`.
 */
export function reducePhase(state: SpecState, run: RunView, fact: PhaseFact): SpecState {
  if (!plans(run.path)) return refuse(withRun(state, run), `a run of path ${run.path} has no phases`)
  const heard = { ...run, lastTurn: Math.max(run.lastTurn, fact.data.turn) }
  const known = withRun(state, heard)
  // Said in good faith by one that is about to be stopped.
  if (run.runId !== state.planner || run.epoch <= run.staleUpTo || isOver(state)) return known
  const { phase } = fact.data
  if (known.lifecycle !== 'scoping' || known.progress.phase !== phase) {
    const isRepeated = state.results[phase] !== undefined
    return isRepeated ? known : refuse(known, `${fact.type} of ${phase}, which is not the phase to be done`)
  }
  switch (fact.type) {
    case 'phase.started':
      return started(known, fact)
    case 'phase.evaluated':
      return evaluated(known, fact)
    case 'phase.completed':
      return completed(known, heard, fact)
    case 'phase.failed':
      return failed(known, heard, fact)
  }
}

const isOver = ({ lifecycle }: SpecState): boolean =>
  lifecycle === 'failed' || lifecycle === 'completed' || lifecycle === 'cancelled' || lifecycle === 'archived'

function started(state: SpecIn<'scoping'>, { data }: FactOf<'phase.started'>): SpecState {
  const attempt = Math.max(state.progress.attempt, data.attempt)
  return { ...state, progress: { ...state.progress, attempt } }
}

const MAX_EVALUATIONS = 10
const MAX_FEEDBACK = 4096
const MAX_FAULTS = 10
const MAX_FAULT = 300

function evaluated(state: SpecIn<'scoping'>, { data }: FactOf<'phase.evaluated'>): SpecState {
  const { progress } = state
  const last = progress.evaluations.at(-1)
  // A verdict is repeated when an epoch dies between its turn and its fact.
  if (last !== undefined && data.attempt <= last.attempt) return state
  const evaluation: Evaluation = {
    attempt: data.attempt,
    passed: data.passed,
    score: data.score,
    gates: data.gates.slice(0, 2 * MAX_FAULTS).map(abridged),
    feedback: data.feedback.slice(0, MAX_FEEDBACK),
  }
  const evaluations = [...progress.evaluations, evaluation].slice(-MAX_EVALUATIONS)
  return { ...state, progress: { ...progress, attempt: Math.max(progress.attempt, data.attempt), evaluations } }
}

/** The whole of it is in the log. */
const abridged = ({ gate, passed, faults }: GateResult): GateResult => ({
  gate,
  passed,
  faults: faults.slice(0, MAX_FAULTS).map((fault) => fault.slice(0, MAX_FAULT)),
})

function completed(state: SpecIn<'scoping'>, run: RunView, { data, at }: FactOf<'phase.completed'>): SpecState {
  const { phase } = data
  const admission = admit(phase, data.output, state.results, state.specId)
  if (!admission.ok) return refuse(state, admission.reason)
  const { output, score } = admission
  const result = { output, score, attempts: data.attempt, usage: data.usage, at, runId: run.runId }
  const results = { ...state.results, [phase]: result }
  const tickets = phase === 'sync' ? ticketsOf(state.specId, results, state.tickets) : state.tickets
  const base = baseOf(withSpending(state, spent(run, data.usage)))
  return planningState({ ...base, results, tickets }, state.paused)
}

function failed(state: SpecIn<'scoping'>, run: RunView, { data }: FactOf<'phase.failed'>): SpecState {
  const base = baseOf(withSpending(state, spent(run, data.usage)))
  const phase: Phase = data.phase
  return { ...base, lifecycle: 'failed', stage: 'planning', phase, reason: data.reason }
}

function spent(run: RunView, usage: RunView['usage']): RunView {
  const phaseUsage = plus(run.phaseUsage, usage)
  return { ...run, phaseUsage, usage: larger(run.usage, phaseUsage) }
}
