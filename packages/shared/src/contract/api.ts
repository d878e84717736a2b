import * as z from 'zod'
import { WireError } from './errors.ts'
import { ProjectId, RunId, SpecId, TaskId, Timestamp } from './ids.ts'
import { ApprovalGate, Phase } from './phase.ts'
import { MAX_TASK_TEXT } from './task.ts'
import { Usage } from './usage.ts'

/** Requests and answers of `sf.api.*`. Every answer is `{ok: true, …}` or `{ok: false, error}`. */
export const ApiFailure = z.object({ ok: z.literal(false), error: WireError })

export const SubmitAnswer = z.looseObject({
  ok: z.literal(true),
  taskId: TaskId,
  runId: RunId,
  specId: SpecId,
  /** `queued` for a new task; else the state of the run that this task already has. */
  state: z.string(),
})
export type SubmitAnswer = z.infer<typeof SubmitAnswer>

/** `id` is a spec's, or a run's (which is its task's). */
export const GetRequest = z.object({ id: SpecId })
export const ListRequest = z.object({
  what: z.enum(['specs', 'runs', 'orchestrators', 'dead']).default('specs'),
  projectId: ProjectId.optional(),
  limit: z.number().int().min(1).max(1000).default(100),
})

const at = { specId: SpecId, who: z.string().max(256).optional() }
/** What a person may ask of a spec; `decide` turns it into facts or refuses. */
export const Command = z.discriminatedUnion('command', [
  z.object({ command: z.literal('pause'), ...at }),
  z.object({ command: z.literal('resume'), ...at }),
  z.object({ command: z.literal('cancel'), ...at, reason: z.string().max(4096).optional() }),
  z.object({ command: z.literal('retry'), ...at }),
  z.object({ command: z.literal('approve'), ...at, gate: ApprovalGate.optional() }),
  z.object({ command: z.literal('reject'), ...at, gate: ApprovalGate.optional(), reason: z.string().min(1).max(4096) }),
  z.object({ command: z.literal('edit'), ...at, text: z.string().min(1).max(MAX_TASK_TEXT), from: Phase.optional() }),
  z.object({ command: z.literal('rerun'), ...at, from: Phase }),
  z.object({ command: z.literal('archive'), ...at }),
  z.object({
    command: z.literal('steer'),
    ...at,
    text: z
      .string()
      .min(1)
      .max(64 * 1024),
  }),
])
export type Command = z.infer<typeof Command>
export const CommandAnswer = z.looseObject({
  ok: z.literal(true),
  specId: SpecId,
  facts: z.array(z.string()),
  reachedRuns: z.array(RunId),
})

export const RunSummary = z.looseObject({
  runId: RunId,
  specId: SpecId,
  kind: z.string(),
  state: z.string(),
  epoch: z.number().int(),
  owner: z.string().nullable(),
  provider: z.string().nullable(),
  engine: z.string().nullable(),
  failures: z.number().int(),
  /** Why its epochs died, in words, oldest first. */
  causes: z.array(z.string()),
  changedAt: Timestamp,
  outcome: z.string().nullable(),
  reason: z.string().nullable(),
})
export type RunSummary = z.infer<typeof RunSummary>

export const SpecSummary = z.looseObject({
  specId: SpecId,
  projectId: ProjectId,
  title: z.string(),
  lifecycle: z.string(),
  phase: Phase.nullable(),
  paused: z.boolean(),
  runs: z.number().int(),
  usage: Usage,
})
export type SpecSummary = z.infer<typeof SpecSummary>

export const OrchestratorSummary = z.looseObject({
  id: z.string(),
  engines: z.array(z.string()),
  /** Those of them that are given no work now, and why. */
  sick: z.array(z.object({ engine: z.string(), reason: z.string() })).default([]),
  startedAt: Timestamp,
  draining: z.boolean(),
  slots: z.number().int(),
  busy: z.number().int(),
  version: z.string(),
})
export type OrchestratorSummary = z.infer<typeof OrchestratorSummary>

export const DeadSummary = z.looseObject({
  seq: z.number().int(),
  at: Timestamp,
  reason: z.string(),
  subject: z.string(),
  error: WireError,
  bytes: z.number().int(),
})
export type DeadSummary = z.infer<typeof DeadSummary>

/** `spec` is the whole state of the spec as the ledger folds it (`SpecState`), complete up to log sequence `foldedTo`. */
export const GetAnswer = z.looseObject({
  ok: z.literal(true),
  spec: z.unknown(),
  foldedTo: z.number().int(),
  runs: z.array(RunSummary),
})
export type GetAnswer = z.infer<typeof GetAnswer>

/** Holds the list that was asked for. */
export const ListAnswer = z.looseObject({
  ok: z.literal(true),
  specs: z.array(SpecSummary).optional(),
  runs: z.array(RunSummary).optional(),
  orchestrators: z.array(OrchestratorSummary).optional(),
  dead: z.array(DeadSummary).optional(),
})
export type ListAnswer = z.infer<typeof ListAnswer>

/**
 * `watch` answers in one or more parts on the reply subject, each well below the payload
 * limit: the entries of a spec's log so far, oldest first, and on request the last of its
 * trace. A watcher subscribes to `sf.log.<specId>.>` and `sf.trace.<specId>.>` first and
 * asks then; what it sees twice has the same id. A spec's text and outputs can pass the
 * payload limit, so a client that wants the state folds these facts.
 */
export const WatchRequest = z.object({ specId: SpecId, traces: z.boolean().default(false) })
export const WatchAnswer = z.looseObject({
  ok: z.literal(true),
  /** The last part has `end: true`. */
  end: z.boolean(),
  /** As they lie in the log, refused ones too; the subject tells who can have said it (`readEntry`). */
  facts: z.array(z.object({ seq: z.number().int(), subject: z.string(), fact: z.unknown() })),
  traces: z.array(z.unknown()),
  runs: z.array(RunSummary),
})
export type WatchAnswer = z.infer<typeof WatchAnswer>
