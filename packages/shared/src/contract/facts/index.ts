import * as z from 'zod'
import { Envelope, type EnvelopeHead } from '../envelope.ts'
import { describeIssues } from '../errors.ts'
import { AgentAsked, AgentSteered } from './agent.ts'
import { BudgetExhausted, BudgetReserved, BudgetSettled } from './budget.ts'
import { PhaseCompleted, PhaseEvaluated, PhaseFailed, PhaseStarted } from './phase.ts'
import {
  RunAdopted,
  RunClaimed,
  RunDelivered,
  RunFenced,
  RunLost,
  RunParked,
  RunReady,
  RunRefused,
  RunSettled,
  RunSpawned,
} from './run.ts'
import {
  SpecApproved,
  SpecArchived,
  SpecCancelled,
  SpecCompleted,
  SpecEdited,
  SpecFailed,
  SpecPaused,
  SpecRejected,
  SpecResumed,
  SpecSubmitted,
} from './spec.ts'
import {
  TicketConflicted,
  TicketDelivered,
  TicketFailed,
  TicketMerged,
  TicketQueued,
  TicketStarted,
  TicketValidated,
} from './ticket.ts'

/** Payload schema of every kind of fact. */
export const FACTS = {
  'spec.submitted': SpecSubmitted,
  'spec.edited': SpecEdited,
  'spec.approved': SpecApproved,
  'spec.rejected': SpecRejected,
  'spec.paused': SpecPaused,
  'spec.resumed': SpecResumed,
  'spec.cancelled': SpecCancelled,
  'spec.completed': SpecCompleted,
  'spec.failed': SpecFailed,
  'spec.archived': SpecArchived,
  'run.claimed': RunClaimed,
  'run.fenced': RunFenced,
  'run.spawned': RunSpawned,
  'run.ready': RunReady,
  'run.delivered': RunDelivered,
  'run.lost': RunLost,
  'run.adopted': RunAdopted,
  'run.parked': RunParked,
  'run.refused': RunRefused,
  'run.settled': RunSettled,
  'phase.started': PhaseStarted,
  'phase.evaluated': PhaseEvaluated,
  'phase.completed': PhaseCompleted,
  'phase.failed': PhaseFailed,
  'ticket.queued': TicketQueued,
  'ticket.started': TicketStarted,
  'ticket.delivered': TicketDelivered,
  'ticket.merged': TicketMerged,
  'ticket.conflicted': TicketConflicted,
  'ticket.validated': TicketValidated,
  'ticket.failed': TicketFailed,
  'agent.steered': AgentSteered,
  'agent.asked': AgentAsked,
  'budget.reserved': BudgetReserved,
  'budget.settled': BudgetSettled,
  'budget.exhausted': BudgetExhausted,
} as const

export type FactType = keyof typeof FACTS
export type FactData<T extends FactType> = z.output<(typeof FACTS)[T]>

/** A fact of a known kind: its envelope, discriminated by `type`. */
export type Fact = { [T in FactType]: EnvelopeHead & { type: T; data: FactData<T> } }[FactType]
/** What somebody wants appended: a kind and its payload. */
export type NewFact = { [T in FactType]: { type: T; data: FactData<T> } }[FactType]

/**
 * The kinds a sandbox may state. Its account imports exactly these subjects below its own
 * `sf.log.<specId>.<runId>.<epoch>.`, and the reducer ignores any other kind `by` a worker.
 */
export const WORKER_FACT_TYPES = [
  'run.ready',
  'run.delivered',
  'phase.started',
  'phase.evaluated',
  'phase.completed',
  'phase.failed',
  'ticket.delivered',
  'agent.steered',
  'agent.asked',
] as const satisfies readonly FactType[]

const isFactType = (type: string): type is FactType => Object.hasOwn(FACTS, type)

const BY_TYPE = new Map<string, z.ZodType<Fact>>()
function schemaOf(type: FactType): z.ZodType<Fact> {
  const known = BY_TYPE.get(type)
  if (known !== undefined) return known
  // The union's members differ only in `type` and `data`, which this very object pairs.
  const made = Envelope.extend({ type: z.literal(type), data: FACTS[type] }) as unknown as z.ZodType<Fact>
  BY_TYPE.set(type, made)
  return made
}

export type ParsedFact =
  | { kind: 'fact'; fact: Fact }
  /** Well-formed, but of a kind this version does not know: stored and ignored. */
  | { kind: 'unknown-type'; envelope: Envelope }
  | { kind: 'malformed'; reason: string }

/** Reads a fact from outside. Never throws. */
export function parseFact(value: unknown): ParsedFact {
  const envelope = Envelope.safeParse(value)
  if (!envelope.success) return { kind: 'malformed', reason: describeIssues(envelope.error) }
  if (!isFactType(envelope.data.type)) return { kind: 'unknown-type', envelope: envelope.data }
  const fact = schemaOf(envelope.data.type).safeParse(value)
  return fact.success ? { kind: 'fact', fact: fact.data } : { kind: 'malformed', reason: describeIssues(fact.error) }
}
