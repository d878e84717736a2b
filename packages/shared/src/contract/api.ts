import { z } from 'zod'
import { WireError } from './errors.ts'
import { ProjectId, RunId, SpecId, TaskId } from './ids.ts'
import { ApprovalGate, Phase } from './phase.ts'
import { MAX_TASK_TEXT } from './task.ts'

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
  z.object({ command: z.literal('steer'), ...at, text: z.string().min(1).max(64 * 1024) }),
])
export type Command = z.infer<typeof Command>
export const CommandAnswer = z.looseObject({ ok: z.literal(true), specId: SpecId, facts: z.array(z.string()), reachedRuns: z.array(RunId) })
