import type { RunView } from '../run-view.ts'
import { entryOf, type SpecState } from '../state.ts'
import { mayBecome, type TicketState, ticketBase } from '../ticket.ts'
import { type FactOf, refuse, withRun } from './changes.ts'

type TicketFact = FactOf<
  'ticket.queued' | 'ticket.started' | 'ticket.merged' | 'ticket.conflicted' | 'ticket.validated' | 'ticket.failed'
>

/** What trusted parts say of tickets. Out of turn, it changes nothing. */
export function reduceTicket(state: SpecState, fact: TicketFact): SpecState {
  const ticket = entryOf(state.tickets, fact.data.ticketId)
  if (ticket === undefined) return state
  const next = after(ticket, fact)
  if (!mayBecome(ticket.status, next.status)) return state
  if (state.lifecycle === 'planned' && next.status === 'queued')
    return { ...withTicket(state, next), lifecycle: 'executing', work: 'tickets' }
  return state.lifecycle === 'executing' ? withTicket(state, next) : state
}

function after(ticket: TicketState, fact: TicketFact): TicketState {
  const base = ticketBase(ticket)
  switch (fact.type) {
    case 'ticket.queued':
      return { ...base, status: 'queued' }
    case 'ticket.started':
      return { ...base, status: 'started', ...(fact.runId === '-' ? {} : { runId: fact.runId }) }
    case 'ticket.merged':
      return { ...base, status: 'merged', ...commitOf(fact.data.commit ?? knownCommit(ticket)) }
    case 'ticket.conflicted':
      return { ...base, status: 'conflicted', conflicts: fact.data.files }
    case 'ticket.validated':
      return { ...base, status: 'validated', ...commitOf(knownCommit(ticket)) }
    case 'ticket.failed':
      return { ...base, status: 'failed', reason: fact.data.reason }
  }
}

/** A worker hands a ticket in. `run` is already moved on to this fact's `seq`. */
export function reduceDelivery(state: SpecState, run: RunView, fact: FactOf<'ticket.delivered'>): SpecState {
  const known = withRun(state, run)
  const ticket = entryOf(state.tickets, fact.data.ticketId)
  if (run.path !== 'ticket' || ticket === undefined) return refuse(known, `run ${run.runId} has no such ticket`)
  if (ticket.status !== 'started' || state.lifecycle !== 'executing') return known
  if (ticket.runId !== undefined && ticket.runId !== run.runId)
    return refuse(known, `ticket ${ticket.localId} belongs to another run`)
  return withTicket(known, { ...ticketBase(ticket), status: 'delivered', ...commitOf(fact.data.commit) })
}

const commitOf = (commit: string | undefined): { commit?: string } => (commit === undefined ? {} : { commit })
const knownCommit = (ticket: TicketState): string | undefined => ('commit' in ticket ? ticket.commit : undefined)

function withTicket<S extends SpecState>(state: S, ticket: TicketState): S {
  return { ...state, tickets: { ...state.tickets, [ticket.ticketId]: ticket } }
}
