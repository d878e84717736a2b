import { APPROVAL_GATES, type ApprovalGate, PHASES, type Phase } from '../contract/phase.ts'
import { needsApproval } from '../contract/task.ts'
import { plans } from './run-view.ts'
import type { OpenSpec, Progress, SpecBase, SpecState } from './state.ts'
import { ticketBase } from './ticket.ts'

/** What a spec keeps through its whole life. */
export function baseOf(state: SpecState | SpecBase): SpecBase {
  return {
    v: state.v,
    specId: state.specId,
    projectId: state.projectId,
    title: state.title,
    text: state.text,
    ...(state.source === undefined ? {} : { source: state.source }),
    approval: state.approval,
    budget: state.budget,
    executionMode: state.executionMode,
    revision: state.revision,
    createdAt: state.createdAt,
    startPhase: state.startPhase,
    results: state.results,
    approvals: state.approvals,
    tickets: state.tickets,
    submissions: state.submissions,
    runs: state.runs,
    ...(state.planner === undefined ? {} : { planner: state.planner }),
    usage: state.usage,
    heard: state.heard,
    refused: state.refused,
    foldedTo: state.foldedTo,
  }
}

const orderOf = (phase: Phase): number => PHASES.indexOf(phase)
export const isBefore = (a: Phase, b: Phase): boolean => orderOf(a) < orderOf(b)
const earlierOf = (a: Phase, b: Phase): Phase => (isBefore(a, b) ? a : b)

/** The first phase from the start that has no result; `undefined` when all have. */
export const nextPhase = ({ startPhase, results }: Pick<SpecBase, 'startPhase' | 'results'>): Phase | undefined =>
  PHASES.find((phase) => !isBefore(phase, startPhase) && results[phase] === undefined)

/** Whether the spec has anything to plan: a task that hands in phases was accepted. */
export const hasPlan = ({ submissions }: SpecBase): boolean =>
  Object.values(submissions).some(({ path, refused }) => plans(path) && refused === undefined)

/**
 * Where planning stands, by the results and the approvals alone: no fact can lead past a gate
 * that a person has not passed. `progress` goes on when it is about the phase that is next.
 */
export function planningState(base: SpecBase, paused: boolean, progress?: Progress): OpenSpec {
  if (base.planner === undefined) return { ...base, lifecycle: 'backlog', paused }
  const gate = APPROVAL_GATES.find((name) => awaitsApproval(base, name))
  if (gate !== undefined) return { ...base, lifecycle: 'awaiting-approval', paused, gate }
  const { sync } = base.results
  const phase = nextPhase(base)
  if (phase === undefined && sync !== undefined)
    return { ...base, lifecycle: 'planned', paused, results: { ...base.results, sync } }
  const next = phase ?? 'sync'
  const kept = progress?.phase === next ? progress : { phase: next, attempt: 0, evaluations: [] }
  return { ...base, lifecycle: 'scoping', paused, progress: kept }
}

/** An output that came with the task was approved by whoever sent it. */
function awaitsApproval({ approval, approvals, results }: SpecBase, gate: ApprovalGate): boolean {
  const result = results[gate]
  return result !== undefined && result.runId !== null && needsApproval(approval, gate) && approvals[gate] === undefined
}

/** Drops what `from` and later phases produced. Tickets stay with their spec, withdrawn. */
export function dropFrom(base: SpecBase, from: Phase): SpecBase {
  const results = { ...base.results }
  for (const phase of PHASES) if (!isBefore(phase, from)) delete results[phase]
  const approvals = { ...base.approvals }
  for (const gate of APPROVAL_GATES) if (!isBefore(gate, from)) delete approvals[gate]
  return { ...base, results, approvals, tickets: withdrawn(base.tickets), startPhase: earlierOf(base.startPhase, from) }
}

function withdrawn(tickets: SpecBase['tickets']): SpecBase['tickets'] {
  const entries = Object.entries(tickets).map(([id, ticket]) => [
    id,
    { ...ticketBase(ticket), status: 'withdrawn' as const },
  ])
  return Object.fromEntries(entries)
}
