import * as z from 'zod'
import { MessageId } from '../ids.ts'

/** A control message was taken; `steer` carries its text. */
export const AgentSteered = z.looseObject({
  controlId: MessageId,
  command: z.enum(['cancel', 'pause', 'steer', 'drain']),
  text: z
    .string()
    .max(64 * 1024)
    .optional(),
})
export const AgentAsked = z.looseObject({ question: z.string().max(16 * 1024) })
