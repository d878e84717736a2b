import * as z from 'zod'
import { GateResult } from './facts/phase.ts'
import { Sha256 } from './ids.ts'
import { ExecutionMode, Phase } from './phase.ts'
import { ApprovalPolicySchema, Budget, TaskKind } from './task.ts'
import { Usage } from './usage.ts'

/**
 * The desk is asked by duplex calls (docs/protocol.md): an opening frame with a JSON
 * `meta`, an optional request body, an answer `meta`, an optional answer body.
 */

/** How the output of a phase, handed in by a tool call, was judged. */
export const Verdict = z.looseObject({
  /** The tool call that handed it in: the output itself is that call's input. */
  callId: z.string().max(256),
  phase: Phase,
  attempt: z.number().int().min(1),
  passed: z.boolean(),
  score: z.number().min(0).max(1),
  gates: z.array(GateResult).max(100),
  feedback: z.string().max(64 * 1024),
})
export type Verdict = z.infer<typeof Verdict>

/** One turn as it is stored: what was said and what the tools answered, together or not at all. */
export const TurnRecord = z.looseObject({
  v: z.literal(1),
  /** Counts from 1 over the whole run. */
  turn: z.number().int().min(1),
  /** The conversation it belongs to: a phase, or the path's one conversation. */
  conversation: z.string().max(64),
  phase: Phase.nullable(),
  attempt: z.number().int().min(1),
  /** Messages API messages, oldest first, that this turn added to the conversation. */
  messages: z.array(z.looseObject({ role: z.enum(['user', 'assistant']), content: z.unknown() })),
  /** Spent by this turn. */
  usage: Usage,
  /** Why the model's reply ended, as the Messages API names it. */
  stopReason: z.string().max(64).nullable().optional(),
  /** Of what was handed in during this turn: a crash right behind the turn loses no verdict. */
  verdicts: z.array(Verdict).max(32).optional(),
})
export type TurnRecord = z.infer<typeof TurnRecord>

/** A source bundle the worker may fetch as a blob. */
export const SourceBundle = z.object({
  sha256: Sha256,
  bytes: z.number().int().nonnegative(),
  commit: z.string().regex(/^[0-9a-f]{40,64}$/),
  branch: z.string().max(256),
})
export type SourceBundle = z.infer<typeof SourceBundle>

/** Answer to `resume`: all a new epoch needs to go on from the last acknowledged turn. */
export const ResumeState = z.looseObject({
  v: z.literal(1),
  task: z.object({
    kind: TaskKind,
    title: z.string(),
    text: z.string(),
    model: z.string(),
    executionMode: ExecutionMode,
    requireSpecSkill: z.boolean(),
    selectedSkill: z.string(),
    approval: ApprovalPolicySchema,
    budget: Budget,
  }),
  /** The phase to work on now; absent on paths without phases or when all are done. */
  phase: Phase.optional(),
  /** Failed evaluations of that phase so far. */
  failedAttempts: z.number().int().nonnegative(),
  /** Why a person sent that phase back; the model is told first. */
  feedback: z
    .string()
    .max(16 * 1024)
    .optional(),
  /** Outputs of completed phases, normalised. */
  outputs: z.partialRecord(Phase, z.unknown()),
  /** Acknowledged turns of the conversation in progress, oldest first. */
  turns: z.array(TurnRecord),
  /** Turns of the whole run so far. */
  turnsSoFar: z.number().int().nonnegative(),
  /** Spent by the whole run so far. */
  usage: Usage,
  /** What counts against its budget; more than its stored turns tell, since a crash may lose a turn that was paid. */
  spent: z
    .object({ turns: z.number().int().nonnegative(), minutes: z.number().nonnegative() })
    .default({ turns: 0, minutes: 0 }),
  source: SourceBundle.nullable(),
  /** Which upstream answers model calls: shown in every report. */
  upstream: z.string().max(64),
})
export type ResumeState = z.infer<typeof ResumeState>

/** `meta` of a `blob` call. `put` carries the blob as its body; the answer to `get` does. */
export const BlobRequest = z.discriminatedUnion('op', [
  z.object({ op: z.literal('get'), sha256: Sha256 }),
  z.object({ op: z.literal('put'), sha256: Sha256, bytes: z.number().int().nonnegative() }),
])
export type BlobRequest = z.infer<typeof BlobRequest>
export const BlobAnswer = z.object({ sha256: Sha256, bytes: z.number().int().nonnegative() })

/** `meta` of a `model` call: an HTTP request whose body is the call's body. */
export const ModelRequest = z.object({
  method: z.string().max(16),
  /** Path and query below the API's base, such as `/v1/messages?beta=true`. */
  path: z.string().startsWith('/').max(2048),
  headers: z.record(z.string(), z.string()),
})
export type ModelRequest = z.infer<typeof ModelRequest>
/** `meta` of its answer. */
export const ModelAnswer = z.object({
  status: z.number().int().min(100).max(599),
  headers: z.record(z.string(), z.string()),
})
export type ModelAnswer = z.infer<typeof ModelAnswer>

/** `meta` of a `memory` call: small notes that belong to the project and outlive the run. */
export const MemoryRequest = z.discriminatedUnion('op', [
  z.object({ op: z.literal('get'), key: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/) }),
  z.object({ op: z.literal('put'), key: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/), text: z.string().max(64 * 1024) }),
  z.object({ op: z.literal('list') }),
])
export type MemoryRequest = z.infer<typeof MemoryRequest>
export const MemoryAnswer = z.object({ text: z.string().nullable().optional(), keys: z.array(z.string()).optional() })
