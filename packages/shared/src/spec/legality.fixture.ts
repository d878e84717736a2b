import type { Fact } from '../contract/facts/index.ts'
import { needsApproval } from '../contract/task.ts'
import { evaluateGates } from '../planning/gates.ts'
import { outputsOf } from './checkpoint.ts'
import { runDemand } from './demand.ts'
import { nextPhase } from './lifecycle.ts'
import { fold } from './reduce.ts'
import { resumePoint } from './resume.ts'
import { isEnded, runOf, SpecState } from './state.ts'

/** The fold of a log whose entries are numbered from 1. */
export const foldAll = (facts: readonly Fact[]): SpecState | undefined =>
  facts.reduce<SpecState | undefined>((state, fact, index) => fold(state, fact, index + 1), undefined)

/** The text of a state with its fields in the schema's order. Throws when the state does not parse. */
export const canonical = (state: SpecState | undefined): string =>
  state === undefined ? 'none' : JSON.stringify(SpecState.parse(JSON.parse(JSON.stringify(state))))

/** What a state says, apart from how far it was folded. */
export const saying = (state: SpecState | undefined): string =>
  JSON.stringify(state === undefined ? null : { ...state, foldedTo: 0 })

/** What never changes once a spec has ended: all but the bookkeeping of runs. */
export const frozen = (state: SpecState): string =>
  JSON.stringify({ ...state, runs: [], usage: null, refused: null, foldedTo: 0 })

/** What is wrong with a state that no log may lead to; empty for a legal one. */
export function illegalities(state: SpecState): string[] {
  return [...faultsOfPlan(state), ...faultsOfRuns(state), ...faultsOfTickets(state)]
}

function faultsOfPlan(state: SpecState): string[] {
  const faults: string[] = []
  const outputs = outputsOf(state.results)
  const { requirements, design, tasks, sync } = outputs
  const gates = [
    ...(requirements === undefined ? [] : evaluateGates('requirements', requirements, outputs)),
    ...(design === undefined ? [] : evaluateGates('design', design, outputs)),
    ...(tasks === undefined ? [] : evaluateGates('tasks', tasks, outputs)),
    ...(sync === undefined ? [] : evaluateGates('sync', sync, outputs)),
  ]
  for (const { gate, passed } of gates) if (!passed) faults.push(`a result fails its gate ${gate}`)
  if (state.lifecycle === 'scoping' && state.progress.phase !== nextPhase(state)) faults.push('it is at a wrong phase')
  if (state.lifecycle === 'planned' && nextPhase(state) !== undefined) faults.push('it is planned without a plan')
  if (state.lifecycle === 'awaiting-approval') {
    const { gate } = state
    if (state.results[gate] === undefined) faults.push('it awaits approval of nothing')
    if (!needsApproval(state.approval, gate)) faults.push('it awaits an approval that nobody asked for')
    if (state.approvals[gate] !== undefined) faults.push('it awaits an approval that was given')
  }
  return faults
}

function faultsOfRuns(state: SpecState): string[] {
  const faults: string[] = []
  if (state.planner !== undefined && runOf(state, state.planner) === undefined)
    faults.push('its planner does not exist')
  for (const run of state.runs) {
    const id = run.runId
    const epochs = run.fences.map(({ epoch }) => epoch)
    if (runOf(state, id) !== run) faults.push(`run ${id} is there twice`)
    if (run.epoch !== (epochs.at(-1) ?? 0)) faults.push(`run ${id} is in an epoch without fence`)
    if (epochs.some((epoch, index) => epoch <= (epochs[index - 1] ?? 0))) faults.push(`run ${id} went back`)
    if (run.lostUpTo > run.epoch || run.staleUpTo > run.epoch) faults.push(`run ${id} knows the future`)
    const demand = runDemand(state, run.runId)
    if (isEnded(state) && demand.kind !== 'end') faults.push(`run ${id} goes on behind the end`)
    if (run.settled !== undefined && demand.kind !== 'end') faults.push(`run ${id} goes on though settled`)
    if (resumePoint(state, run.runId) === undefined) faults.push(`run ${id} has no resume point`)
  }
  return faults
}

function faultsOfTickets(state: SpecState): string[] {
  const faults: string[] = []
  for (const [id, ticket] of Object.entries(state.tickets)) {
    if (ticket.ticketId !== id || ticket.specId !== state.specId) faults.push(`ticket ${id} belongs elsewhere`)
    const isBegun = ticket.status !== 'planned' && ticket.status !== 'withdrawn'
    if (isBegun && state.results.sync === undefined) faults.push(`ticket ${id} has begun without a plan`)
    if (state.lifecycle === 'planned' && isBegun) faults.push(`ticket ${id} has begun before execution`)
    const missing = ticket.dependsOn.find((other) => state.tickets[other] === undefined)
    if (missing !== undefined) faults.push(`ticket ${id} depends on ${missing}, which does not exist`)
  }
  return faults
}
