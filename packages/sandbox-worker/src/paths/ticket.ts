import { SpecfleetError } from '@specfleet/shared'
import type { Ending } from '../ending.ts'

/** Tickets are planned, but this worker does not execute them. */
export const refuseTicket = (ticketId: string): Ending => ({
  kind: 'refused',
  error: new SpecfleetError('task.unsupported', `this worker does not execute tickets, so not ${ticketId} either`),
})
