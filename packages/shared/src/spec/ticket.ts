import * as z from 'zod'
import { RunId, SpecId, TicketId } from '../contract/ids.ts'
import { ExecutionTicket } from '../planning/execution-tickets.ts'

const Base = ExecutionTicket.extend({ ticketId: TicketId, specId: SpecId })
const commit = z.string().exactOptional()

/** An execution unit of a spec. Once made it stays with its spec; a new plan withdraws it at most. */
export const TicketState = z.discriminatedUnion('status', [
  Base.extend({ status: z.literal('planned') }),
  /** No longer part of the plan. */
  Base.extend({ status: z.literal('withdrawn') }),
  Base.extend({ status: z.literal('queued') }),
  Base.extend({ status: z.literal('started'), runId: RunId.exactOptional() }),
  Base.extend({ status: z.literal('delivered'), commit }),
  Base.extend({ status: z.literal('merged'), commit }),
  Base.extend({ status: z.literal('conflicted'), conflicts: z.array(z.string()) }),
  Base.extend({ status: z.literal('validated'), commit }),
  Base.extend({ status: z.literal('failed'), reason: z.string() }),
])
export type TicketState = z.infer<typeof TicketState>
export type TicketStatus = TicketState['status']
type TicketBase = z.infer<typeof Base>

/** What may follow what; a conflicted or failed ticket is queued again. */
const NEXT: Readonly<Record<TicketStatus, readonly TicketStatus[]>> = {
  planned: ['queued'],
  withdrawn: [],
  queued: ['started', 'failed'],
  started: ['delivered', 'failed'],
  delivered: ['merged', 'conflicted', 'failed'],
  merged: ['validated', 'failed'],
  conflicted: ['queued', 'failed'],
  validated: [],
  failed: ['queued'],
}
export const mayBecome = (from: TicketStatus, to: TicketStatus): boolean => NEXT[from].includes(to)

/** A ticket without what belongs to its status. */
export function ticketBase(ticket: TicketState): TicketBase {
  return {
    ticketId: ticket.ticketId,
    specId: ticket.specId,
    localId: ticket.localId,
    group: ticket.group,
    title: ticket.title,
    description: ticket.description,
    type: ticket.type,
    layer: ticket.layer,
    role: ticket.role,
    priority: ticket.priority,
    dependsOn: ticket.dependsOn,
    files: ticket.files,
    requirements: ticket.requirements,
    components: ticket.components,
    acceptanceCriteria: ticket.acceptanceCriteria,
    validation: ticket.validation,
    estimateHours: ticket.estimateHours,
  }
}
