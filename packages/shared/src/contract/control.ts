import * as z from 'zod'
import { MessageId, Timestamp } from './ids.ts'
import { Phase } from './phase.ts'

/** What a running worker may be told. It is taken between two tool calls, never in the middle of one. */
export const ControlMessage = z.discriminatedUnion('command', [
  z.object({ v: z.literal(1), id: MessageId, command: z.literal('cancel'), reason: z.string().max(1024).optional() }),
  z.object({ v: z.literal(1), id: MessageId, command: z.literal('pause') }),
  z.object({ v: z.literal(1), id: MessageId, command: z.literal('drain') }),
  z.object({
    v: z.literal(1),
    id: MessageId,
    command: z.literal('steer'),
    text: z
      .string()
      .min(1)
      .max(64 * 1024),
  }),
])
export type ControlMessage = z.infer<typeof ControlMessage>

/** A worker's confirmation that it has a control message. */
export const ControlTaken = z.object({ id: MessageId })
export type ControlTaken = z.infer<typeof ControlTaken>

/** The heartbeat, every second. */
export const Beat = z.object({
  seq: z.number().int().nonnegative(),
  phase: Phase.nullable(),
  turn: z.number().int().nonnegative(),
  at: Timestamp,
})
export type Beat = z.infer<typeof Beat>
export const BEAT_EVERY_MS = 1000
/** Beats fall on multiples of it. */
const BEATS_FALL_ON_MS = BEAT_EVERY_MS / 4

/**
 * How long until the next beat. Sandboxes of one host beat at the same four moments of a second, so that whoever hears
 * hundreds of them is woken a few times, and not once for each; those of other hosts have other moments. Pure.
 * @param hostMs on a clock that all sandboxes of the host share
 */
export const untilNextBeatMs = (hostMs: number): number =>
  Math.round((hostMs + BEAT_EVERY_MS) / BEATS_FALL_ON_MS) * BEATS_FALL_ON_MS - hostMs
