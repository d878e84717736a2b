import * as z from 'zod'
import { TicketId } from '../ids.ts'

const ticket = { ticketId: TicketId }
const reason = z.string().max(16 * 1024)

export const TicketQueued = z.looseObject(ticket)
export const TicketStarted = z.looseObject(ticket)
export const TicketDelivered = z.looseObject({ ...ticket, commit: z.string().max(64).optional() })
export const TicketMerged = z.looseObject({ ...ticket, commit: z.string().max(64).optional() })
export const TicketConflicted = z.looseObject({ ...ticket, files: z.array(z.string().max(4096)).max(1000) })
export const TicketValidated = z.looseObject(ticket)
export const TicketFailed = z.looseObject({ ...ticket, reason })
