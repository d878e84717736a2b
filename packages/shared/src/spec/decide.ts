import type { Command } from '../contract/api.ts'
import type { NewFact } from '../contract/facts/index.ts'
import type { TaskId } from '../contract/ids.ts'
import type { ApprovalGate } from '../contract/phase.ts'
import { hasPlan } from './lifecycle.ts'
import {
  againstArchive,
  againstCancel,
  againstPause,
  againstReplan,
  againstResume,
  againstVerdict,
  haltedRun,
} from './moves.ts'
import { named } from './reduce/changes.ts'
import { isLive, plans } from './run-view.ts'
import { isOpen, type SpecState } from './state.ts'

export type Decision =
  | {
      ok: true
      /** To be appended in this order, by `api`, as facts of no run (`runId: "-"`, `epoch: 0`). */
      facts: NewFact[]
      /** What live workers of the spec are told once the facts are in the log. */
      control?: 'cancel' | 'pause' | 'steer'
      /**
       * Every run that could go on has ended: queue this task again under a new id, with
       * neither `text` nor `phase` nor `context`, for those are in the log.
       */
      requeue?: TaskId
    }
  | { ok: false; code: 'command.refused' | 'spec.unknown'; message: string }

/** What a command means for a spec as it is: facts to append, or why not. Pure. */
export function decide(state: SpecState | undefined, command: Command): Decision {
  if (state === undefined) return { ok: false, code: 'spec.unknown', message: `there is no spec ${command.specId}` }
  const objection = against(state, command)
  if (objection !== undefined)
    return { ok: false, code: 'command.refused', message: `cannot ${command.command} ${state.specId}: ${objection}` }
  const control = controlOf(command)
  const requeue = leavesWork(state, command) ? taskToRequeue(state) : undefined
  return {
    ok: true,
    facts: factsOf(state, command),
    ...(control === undefined ? {} : { control }),
    ...(requeue === undefined ? {} : { requeue }),
  }
}

function against(state: SpecState, command: Command): string | undefined {
  switch (command.command) {
    case 'pause':
      return againstPause(state)
    case 'resume':
      if (againstResume(state) === undefined && !(isOpen(state) && state.paused)) return 'it is not paused: retry it'
      return againstResume(state)
    case 'cancel':
      return againstCancel(state)
    case 'retry':
      if (isStranded(state)) return undefined
      if (isOpen(state) && haltedRun(state) === undefined) return 'nothing of it has failed or is parked'
      return againstResume(state)
    case 'approve':
    case 'reject':
      return againstVerdict(state, command.gate)
    case 'edit':
      return againstReplan(state, command.from ?? 'explore')
    case 'rerun':
      return againstReplan(state, command.from)
    case 'archive':
      return againstArchive(state)
    case 'steer':
      return state.runs.some(isLive) ? undefined : 'no worker is at work on it'
  }
}

/** The gate that waits is meant where none is named. */
const gateOf = (state: SpecState): ApprovalGate | undefined =>
  state.lifecycle === 'awaiting-approval' ? state.gate : undefined

function factsOf(state: SpecState, command: Command): NewFact[] {
  const by = named(command.who)
  switch (command.command) {
    case 'pause':
      return [{ type: 'spec.paused', data: by }]
    case 'resume':
    case 'retry':
      return isStranded(state) ? [] : [{ type: 'spec.resumed', data: by }]
    case 'cancel':
      return [{ type: 'spec.cancelled', data: { ...by, ...reasonOf(command.reason) } }]
    case 'approve': {
      const gate = gateOf(state)
      return gate === undefined ? [] : [{ type: 'spec.approved', data: { gate, ...by } }]
    }
    case 'reject': {
      const gate = gateOf(state)
      return gate === undefined ? [] : [{ type: 'spec.rejected', data: { gate, reason: command.reason, ...by } }]
    }
    case 'edit':
      return [{ type: 'spec.edited', data: { text: command.text, from: command.from ?? 'explore', ...by } }]
    case 'rerun':
      return [{ type: 'spec.edited', data: { from: command.from, ...by } }]
    case 'archive':
      return [{ type: 'spec.archived', data: by }]
    case 'steer':
      return []
  }
}

const reasonOf = (reason: string | undefined): { reason?: string } => (reason === undefined ? {} : { reason })

/** A worker on a plan that was dropped stops as for a pause; the log then says to go on. */
function controlOf(command: Command): 'cancel' | 'pause' | 'steer' | undefined {
  switch (command.command) {
    case 'cancel':
    case 'pause':
    case 'steer':
      return command.command
    case 'edit':
    case 'rerun':
      return 'pause'
    case 'resume':
    case 'retry':
    case 'approve':
    case 'reject':
    case 'archive':
      return undefined
  }
}

/** Whether a run that plans is needed once the command's facts are in the log. */
function leavesWork(state: SpecState, command: Command): boolean {
  switch (command.command) {
    case 'approve':
    case 'reject':
    case 'edit':
    case 'rerun':
      return true
    case 'resume':
    case 'retry':
      return (
        state.lifecycle === 'scoping' ||
        (state.lifecycle === 'failed' && state.stage !== 'execution') ||
        isStranded(state)
      )
    case 'pause':
    case 'cancel':
    case 'archive':
    case 'steer':
      return false
  }
}

/**
 * Whether there is work and nobody left to do it: whoever carried out the last command died
 * before it had queued the task again.
 */
const isStranded = (state: SpecState): boolean =>
  isOpen(state) &&
  !state.paused &&
  (state.lifecycle === 'scoping' || state.lifecycle === 'backlog') &&
  taskToRequeue(state) !== undefined

/** The last task that could do the work, when none is left that will. */
function taskToRequeue(state: SpecState): TaskId | undefined {
  const planned = hasPlan(state)
  const fit = Object.values(state.submissions).filter(
    ({ path, refused }) => refused === undefined && plans(path) === planned,
  )
  const ended = new Set(state.runs.flatMap(({ taskId, settled }) => (settled === undefined ? [] : [taskId])))
  return fit.every(({ taskId }) => ended.has(taskId)) ? fit.at(-1)?.taskId : undefined
}
