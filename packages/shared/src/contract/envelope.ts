import * as z from 'zod'
import { MessageId, RunId, SpecId, Timestamp } from './ids.ts'

/** Who states a fact. Only `worker` speaks from inside a sandbox. */
export const Author = z.enum(['worker', 'supervisor', 'intake', 'api', 'desk', 'gateway', 'integrator'])
export type Author = z.infer<typeof Author>

/**
 * What surrounds every fact and every trace event. `id` is also the `Nats-Msg-Id`.
 * `seq` counts the facts of one author in one epoch from 1, so a repetition is seen
 * for ever, not only within the server's duplicate window. Facts of no run carry
 * `runId: "-"` and `epoch: 0`.
 */
export const Envelope = z.looseObject({
  v: z.literal(1, 'unknown envelope version'),
  id: MessageId,
  type: z
    .string()
    .regex(/^[a-z]+\.[a-z]+$/)
    .max(64),
  specId: SpecId,
  runId: z.union([RunId, z.literal('-')]),
  epoch: z.number().int().min(0).max(1_000_000),
  seq: z.number().int().min(0),
  at: Timestamp,
  by: Author,
  data: z.unknown(),
})
export type Envelope = z.infer<typeof Envelope>

/** The known fields around the payload, without what an unknown version may have added. */
export type EnvelopeHead = Pick<Envelope, 'v' | 'id' | 'specId' | 'runId' | 'epoch' | 'seq' | 'at' | 'by'>
