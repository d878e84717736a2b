import type { Phase } from '../../contract/phase.ts'
import { NO_USAGE } from '../../contract/usage.ts'
import { admit } from '../checkpoint.ts'
import { baseOf, dropFrom, hasPlan, isBefore, planningState } from '../lifecycle.ts'
import {
  againstCancel,
  againstCompletion,
  againstFailure,
  againstNewPlan,
  againstPause,
  againstReplan,
  againstResume,
  againstVerdict,
} from '../moves.ts'
import { outdated, pathOf, plans, type Submission, unhalted } from '../run-view.ts'
import { entryOf, type FailedStage, isEnded, isOpen, type SpecBase, type SpecState } from '../state.ts'
import { type FactOf, named } from './changes.ts'

type Submitted = FactOf<'spec.submitted'>
type SpecFact = FactOf<
  | 'spec.submitted'
  | 'spec.edited'
  | 'spec.approved'
  | 'spec.rejected'
  | 'spec.paused'
  | 'spec.resumed'
  | 'spec.cancelled'
  | 'spec.completed'
  | 'spec.failed'
  | 'spec.archived'
>

/** The first task of a spec brings it into being. */
export function createSpec(fact: Submitted, seq: number): SpecState {
  const { data } = fact
  const submission = submissionOf(fact)
  const base: SpecBase = {
    v: 1,
    specId: fact.specId,
    projectId: data.projectId,
    title: data.title,
    text: data.text ?? '',
    ...(data.source === undefined ? {} : { source: data.source }),
    approval: data.approval,
    budget: data.budget,
    executionMode: data.executionMode,
    revision: 1,
    createdAt: fact.at,
    startPhase: data.phase ?? 'explore',
    results: {},
    approvals: {},
    tickets: {},
    submissions: { [data.taskId]: submission },
    runs: [],
    usage: NO_USAGE,
    heard: [],
    refused: { count: 0 },
    foldedTo: seq,
  }
  return { ...withContext(base, fact), lifecycle: 'backlog', paused: false }
}

const submissionOf = ({ data }: Submitted): Submission => ({
  taskId: data.taskId,
  kind: data.kind,
  path: pathOf({ ...data, requireSpecSkill: data.requireSpecSkill ?? false }),
})

/**
 * Outputs that came with the task become results where they pass; the others are left to the
 * run. `sync` is always computed.
 */
function withContext(base: SpecBase, { data, at }: Submitted): SpecBase {
  let { results, refused } = base
  for (const phase of ['explore', 'requirements', 'design', 'tasks'] as const) {
    const isWanted = data.phase === undefined || isBefore(phase, data.phase)
    const given = isWanted && data.context !== undefined ? entryOf(data.context, phase) : undefined
    if (given === undefined) continue
    const admission = admit(phase, given, results, base.specId)
    if (admission.ok) {
      const { output, score } = admission
      results = { ...results, [phase]: { output, score, attempts: 0, usage: NO_USAGE, at, runId: null } }
    } else refused = { count: refused.count + 1, lastReason: `context: ${admission.reason}` }
  }
  return { ...base, results, refused }
}

export function reduceSpec(state: SpecState, fact: SpecFact): SpecState {
  switch (fact.type) {
    case 'spec.submitted':
      return submitted(state, fact)
    case 'spec.edited':
      return edited(state, fact)
    case 'spec.approved':
      return approved(state, fact)
    case 'spec.rejected':
      return rejected(state, fact)
    case 'spec.paused':
      return isOpen(state) && againstPause(state) === undefined ? { ...state, paused: true } : state
    case 'spec.resumed':
      return againstResume(state) === undefined ? resumed(state) : state
    case 'spec.cancelled':
      return againstCancel(state) === undefined ? cancelled(state, fact) : state
    case 'spec.completed':
      return againstCompletion(state) === undefined
        ? { ...baseOf(state), lifecycle: 'completed', endedAt: fact.at }
        : state
    case 'spec.failed':
      return againstFailure(state) === undefined
        ? { ...baseOf(state), lifecycle: 'failed', stage: stageOf(state), reason: fact.data.reason }
        : state
    case 'spec.archived':
      return archived(state, fact)
  }
}

/** A further task. One that brings another text, or names a phase, has the plan made anew. */
function submitted(state: SpecState, fact: Submitted): SpecState {
  const { data } = fact
  if (isEnded(state) || entryOf(state.submissions, data.taskId) !== undefined) return state
  const submission = submissionOf(fact)
  const base = withSubmission(baseOf(state), submission)
  const text = data.text !== undefined && data.text !== state.text ? data.text : undefined
  const from = data.phase ?? (text === undefined ? undefined : 'explore')
  if (!plans(submission.path) || from === undefined) return rebased(state, base)
  const refused = againstNewPlan(state)
  if (refused !== undefined) return rebased(state, withSubmission(base, { ...submission, refused }))
  return rebased(state, withContext(anew(base, from, text), fact))
}

const withSubmission = (base: SpecBase, submission: Submission): SpecBase => ({
  ...base,
  submissions: { ...base.submissions, [submission.taskId]: submission },
})

/** The spec with its plan dropped from a phase on; what live workers still say of it is void. */
function anew(base: SpecBase, from: Phase, text?: string): SpecBase {
  const dropped = dropFrom(base, from)
  const runs = base.runs.map(outdated)
  return { ...dropped, runs, revision: base.revision + 1, ...(text === undefined ? {} : { text }) }
}

/** The same stage of life on another base, as far as that base allows it. */
function rebased(state: SpecState, base: SpecBase): SpecState {
  switch (state.lifecycle) {
    case 'scoping':
      return planningState(base, state.paused, base.revision === state.revision ? state.progress : undefined)
    case 'awaiting-approval':
    case 'planned':
      return planningState(base, state.paused)
    case 'backlog':
      return { ...base, lifecycle: 'backlog', paused: state.paused }
    case 'executing':
      return { ...base, lifecycle: 'executing', paused: state.paused, work: state.work }
    case 'failed': {
      const { reason, stage, phase } = state
      return { ...base, lifecycle: 'failed', reason, stage, ...(phase === undefined ? {} : { phase }) }
    }
    case 'completed':
    case 'cancelled':
    case 'archived':
      return state
  }
}

function edited(state: SpecState, { data }: FactOf<'spec.edited'>): SpecState {
  if (againstReplan(state, data.from) !== undefined) return state
  return planningState(anew(baseOf(state), data.from, data.text), isOpen(state) && state.paused)
}

function approved(state: SpecState, { data, at }: FactOf<'spec.approved'>): SpecState {
  if (state.lifecycle !== 'awaiting-approval' || againstVerdict(state, data.gate) !== undefined) return state
  const approvals = { ...state.approvals, [data.gate]: { at, ...named(data.who) } }
  return planningState({ ...baseOf(state), approvals }, state.paused)
}

function rejected(state: SpecState, { data }: FactOf<'spec.rejected'>): SpecState {
  if (state.lifecycle !== 'awaiting-approval' || againstVerdict(state, data.gate) !== undefined) return state
  const base = dropFrom(baseOf(state), data.gate)
  const progress = { phase: data.gate, attempt: 0, evaluations: [], feedback: data.reason }
  return planningState({ ...base, runs: base.runs.map(outdated) }, state.paused, progress)
}

function resumed(state: SpecState): SpecState {
  const runs = state.runs.map(unhalted)
  if (isOpen(state)) return { ...state, paused: false, runs }
  if (state.lifecycle !== 'failed') return state
  const base = { ...baseOf(state), runs }
  switch (state.stage) {
    case 'planning':
      return planningState({ ...base, runs: runs.map(outdated) }, false)
    case 'execution':
      return { ...base, lifecycle: 'executing', paused: false, work: 'tickets' }
    case 'prompt':
      return runs.some(({ settled }) => settled === undefined)
        ? { ...base, lifecycle: 'executing', paused: false, work: 'prompt' }
        : { ...base, lifecycle: 'backlog', paused: false }
  }
}

function cancelled(state: SpecState, { data, at }: FactOf<'spec.cancelled'>): SpecState {
  const reason = data.reason === undefined ? {} : { reason: data.reason }
  return { ...baseOf(state), lifecycle: 'cancelled', endedAt: at, ...reason }
}

function archived(state: SpecState, { at }: FactOf<'spec.archived'>): SpecState {
  const { lifecycle: from } = state
  if (from !== 'completed' && from !== 'failed' && from !== 'cancelled') return state
  return { ...baseOf(state), lifecycle: 'archived', endedAt: at, from }
}

function stageOf(state: SpecState): FailedStage {
  if (state.lifecycle === 'executing') return state.work === 'tickets' ? 'execution' : 'prompt'
  return hasPlan(state) ? 'planning' : 'prompt'
}
