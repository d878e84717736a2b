import { type SpecId, TicketId } from '../contract/ids.ts'
import { PHASES, type Phase } from '../contract/phase.ts'
import { deriveTickets } from '../planning/execution-tickets.ts'
import { type EarlierOutputs, normalisePhase, type PhaseOutputs } from '../planning/outputs/phase-outputs.ts'
import { evaluate } from '../planning/scores.ts'
import { computeSync } from '../planning/sync.ts'
import type { PhaseResults } from './state.ts'
import type { TicketState } from './ticket.ts'

export type Admission<P extends Phase> =
  | { ok: true; output: PhaseOutputs[P]; score: number }
  | { ok: false; reason: string }

/** The outputs of the phases that are done, without what surrounds them. */
export function outputsOf(results: PhaseResults): EarlierOutputs {
  const outputs: EarlierOutputs = {}
  for (const phase of PHASES) {
    const result = results[phase]
    if (result !== undefined) Object.assign(outputs, { [phase]: result.output })
  }
  return outputs
}

/**
 * Whether an output may become the result of its phase. What a sandbox said of it is not
 * believed: it is normalised and evaluated again, and `sync` is computed here. Total.
 */
export function admit<P extends Phase>(phase: P, given: unknown, results: PhaseResults, specId: SpecId): Admission<P> {
  const earlier = outputsOf(results)
  const normalised = normalisePhase(phase, phase === 'sync' ? syncOf(specId, earlier) : given)
  if (!normalised.ok) {
    const [fault] = normalised.faults
    return { ok: false, reason: `the output of ${phase} does not parse: ${fault?.path ?? ''} ${fault?.message ?? ''}` }
  }
  const { passed, score, gates } = evaluate(phase, normalised.output, earlier)
  if (passed) return { ok: true, output: normalised.output, score }
  const failed = gates.find((gate) => !gate.passed)
  const why = failed === undefined ? `its score is ${score}` : `gate ${failed.gate}: ${failed.faults[0] ?? ''}`
  return { ok: false, reason: `the output of ${phase} does not pass: ${why}` }
}

function syncOf(specId: SpecId, { explore, requirements, design, tasks }: EarlierOutputs): unknown {
  if (requirements === undefined || design === undefined || tasks === undefined) return undefined
  return computeSync({ specId, explore, requirements, design, tasks })
}

/**
 * The tickets of a plan, beside those that earlier plans left. Ids follow from the spec's and
 * the task's, so a ticket of the same task is the same ticket, planned again.
 */
export function ticketsOf(
  specId: SpecId,
  results: PhaseResults,
  earlier: Readonly<Record<string, TicketState>>,
): Record<string, TicketState> {
  const { tasks, design } = results
  if (tasks === undefined || design === undefined) return { ...earlier }
  const planned = deriveTickets(specId, tasks.output, design.output).map((ticket): [string, TicketState] => [
    ticket.ticketId,
    { ...ticket, ticketId: TicketId.parse(ticket.ticketId), specId, status: 'planned' },
  ])
  return { ...earlier, ...Object.fromEntries(planned) }
}
