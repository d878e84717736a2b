import * as z from 'zod'
import { Envelope, type EnvelopeHead } from './envelope.ts'
import { Phase } from './phase.ts'

const text = z.string().max(256 * 1024)
const count = z.number().int().nonnegative()

/** Payload schema of every kind of chatter. All of it is bounded and may be lost; nothing is decided by it. */
export const TRACES = {
  'agent.message': z.looseObject({ text, turn: count }),
  'agent.thinking': z.looseObject({ text, turn: count }),
  'tool.called': z.looseObject({
    callId: z.string().max(128),
    tool: z.string().max(128),
    summary: z.string().max(1024),
    turn: count,
  }),
  'tool.returned': z.looseObject({
    callId: z.string().max(128),
    tool: z.string().max(128),
    ok: z.boolean(),
    ms: z.number().nonnegative(),
    bytes: count,
    turn: count,
    /** The limit it ran into, by name. */
    fault: z.string().max(32).optional(),
  }),
  'model.called': z.looseObject({
    turn: count,
    phase: Phase.optional(),
    model: z.string().max(128),
    upstream: z.string().max(64),
    ms: z.number().nonnegative(),
    inputTokens: count,
    outputTokens: count,
    stopReason: z.string().max(64).nullable(),
  }),
  'model.retried': z.looseObject({ turn: count, attempt: count, reason: z.string().max(2048) }),
  'log.line': z.looseObject({ level: z.enum(['debug', 'info', 'warn', 'error']), text: z.string().max(16 * 1024) }),
} as const

export type TraceType = keyof typeof TRACES
export type TraceData<T extends TraceType> = z.output<(typeof TRACES)[T]>
export type Trace = { [T in TraceType]: EnvelopeHead & { type: T; data: TraceData<T> } }[TraceType]
export type NewTrace = { [T in TraceType]: { type: T; data: TraceData<T> } }[TraceType]

const isTraceType = (type: string): type is TraceType => Object.hasOwn(TRACES, type)

/** Reads a trace event from outside; `undefined` for what is malformed or of an unknown kind. Never throws. */
export function parseTrace(value: unknown): Trace | undefined {
  const envelope = Envelope.safeParse(value)
  if (!envelope.success || !isTraceType(envelope.data.type)) return undefined
  const data = TRACES[envelope.data.type].safeParse(envelope.data.data)
  if (!data.success) return undefined
  // `type` was narrowed and `data` parsed by that type's own schema.
  return { ...envelope.data, data: data.data } as Trace
}
