import * as z from 'zod'
import { GateResult } from '../contract/facts/phase.ts'
import { MessageId, ProjectId, RunId, SpecId, Timestamp } from '../contract/ids.ts'
import { ApprovalGate, ExecutionMode, Phase } from '../contract/phase.ts'
import { ApprovalPolicySchema, Budget, SourceRef } from '../contract/task.ts'
import { Usage } from '../contract/usage.ts'
import { DesignOutput } from '../planning/outputs/design.ts'
import { ExploreOutput } from '../planning/outputs/explore.ts'
import { RequirementsOutput } from '../planning/outputs/requirements.ts'
import { SyncOutput } from '../planning/outputs/sync.ts'
import { TasksOutput } from '../planning/outputs/tasks.ts'
import { RunView, Submission } from './run-view.ts'
import { TicketState } from './ticket.ts'

/**
 * The state of a spec: the fold of its log, kept in KV bucket `sf_specs` as a view that can
 * be dropped and folded again.
 *
 *   backlog ─► scoping ◄─► awaiting-approval
 *      │          │ ▲
 *      │          ▼ │ (edit)
 *      │        planned
 *      ▼          ▼
 *     executing ──► completed ─► archived
 *
 * A plain prompt goes to `executing` at once. Every open state may become `failed` or
 * `cancelled`, and `failed` leads back to where it came from.
 *
 * 1. Each state has only the fields that are legal in it.
 * 2. `completed`, `cancelled` and `archived` never change, but that `completed`, `cancelled`
 *    and `failed` may be archived. Behind them only the bookkeeping of runs that still have
 *    to end (`runs`, `usage`), `refused` and `foldedTo` go on.
 * 3. `failed` is not final: a retry, an edit or a new task leads out of it.
 * 4. Requirements, criteria, components and spec tasks are records derived from `results`
 *    (records.ts), so they cannot disagree with the outputs they come from.
 * 5. The JSON text of a state is all of it: writing it and reading it back changes nothing.
 */

const count = z.number().int().nonnegative()

const resultOf = <T extends z.ZodType>(output: T) =>
  z.object({
    output,
    /** 0 to 1; `null` for an output that came with the task. */
    score: z.number().nullable(),
    /** Hand-ins it took; 0 for an output that came with the task. */
    attempts: count,
    usage: Usage,
    at: Timestamp,
    /** The run that did it; `null` for an output that came with the task. */
    runId: RunId.nullable(),
  })

/** Outputs of completed phases, normalised, past the gates of their phase. */
export const PhaseResults = z.object({
  explore: resultOf(ExploreOutput).exactOptional(),
  requirements: resultOf(RequirementsOutput).exactOptional(),
  design: resultOf(DesignOutput).exactOptional(),
  tasks: resultOf(TasksOutput).exactOptional(),
  sync: resultOf(SyncOutput).exactOptional(),
})
export type PhaseResults = z.infer<typeof PhaseResults>
export type PhaseResult<P extends Phase = Phase> = NonNullable<PhaseResults[P]>

/** One verdict on what was handed in for the phase in progress. */
export const Evaluation = z.object({
  attempt: z.number().int().min(1),
  passed: z.boolean(),
  score: z.number(),
  gates: z.array(GateResult),
  feedback: z.string(),
})
export type Evaluation = z.infer<typeof Evaluation>

const Approval = z.object({ at: Timestamp, who: z.string().exactOptional() })

/** The phase being worked on. */
export const Progress = z.object({
  phase: Phase,
  /** Attempt that was last begun; 0 before the first. */
  attempt: count,
  /** Verdicts of this go at the phase, oldest first. */
  evaluations: z.array(Evaluation),
  /** Why a person sent the phase back. */
  feedback: z.string().exactOptional(),
})
export type Progress = z.infer<typeof Progress>

const Base = z.object({
  v: z.literal(1),
  specId: SpecId,
  projectId: ProjectId,
  title: z.string(),
  text: z.string(),
  source: SourceRef.exactOptional(),
  approval: ApprovalPolicySchema,
  budget: Budget,
  executionMode: ExecutionMode,
  /** Counts edits and re-runs, from 1. */
  revision: z.number().int().min(1),
  createdAt: Timestamp,
  /** Where planning begins; earlier phases are skipped or came with the task. */
  startPhase: Phase,
  results: PhaseResults,
  /** Gates that a person has passed since their phase was last done. */
  approvals: z.object({
    requirements: Approval.exactOptional(),
    design: Approval.exactOptional(),
    tasks: Approval.exactOptional(),
  }),
  /** By ticket id. */
  tickets: z.record(z.string(), TicketState),
  /** Tasks accepted for this spec, by task id. */
  submissions: z.record(z.string(), Submission),
  /** In the order in which they were claimed. */
  runs: z.array(RunView),
  /** The run whose word on phases counts: the last one claimed that plans. */
  planner: RunId.exactOptional(),
  /** Of all runs. */
  usage: Usage,
  /** Ids of the last facts that would mean something new if they were read again. */
  heard: z.array(MessageId),
  /** What a sandbox may not state: malformed, misplaced, not its own to say, past a gate. */
  refused: z.object({ count, lastReason: z.string().exactOptional() }),
  /** Sequence in the log up to which this is the fold. */
  foldedTo: count,
})

export type SpecBase = z.infer<typeof Base>

const Open = Base.extend({ paused: z.boolean() })

/** What a spec was at when it failed, and so what a retry leads back to. */
export const FailedStage = z.enum(['planning', 'execution', 'prompt'])
export type FailedStage = z.infer<typeof FailedStage>

export const SpecState = z.discriminatedUnion('lifecycle', [
  /** Nobody has begun. */
  Open.extend({ lifecycle: z.literal('backlog') }),
  /** A phase is to be done, or being done. */
  Open.extend({ lifecycle: z.literal('scoping'), progress: Progress }),
  /** A phase is done and a person has to say so. */
  Open.extend({ lifecycle: z.literal('awaiting-approval'), gate: ApprovalGate }),
  /** Every phase is done and the tickets exist. */
  Open.extend({ lifecycle: z.literal('planned'), results: PhaseResults.required({ sync: true }) }),
  /** Tickets are worked on, or a prompt that needs no plan. */
  Open.extend({ lifecycle: z.literal('executing'), work: z.enum(['tickets', 'prompt']) }),
  Base.extend({
    lifecycle: z.literal('failed'),
    reason: z.string(),
    stage: FailedStage,
    /** The phase that failed, when one did. */
    phase: Phase.exactOptional(),
  }),
  Base.extend({ lifecycle: z.literal('completed'), endedAt: Timestamp }),
  Base.extend({ lifecycle: z.literal('cancelled'), endedAt: Timestamp, reason: z.string().exactOptional() }),
  Base.extend({
    lifecycle: z.literal('archived'),
    endedAt: Timestamp,
    from: z.enum(['completed', 'failed', 'cancelled']),
  }),
])
export type SpecState = z.infer<typeof SpecState>
export type Lifecycle = SpecState['lifecycle']
/** The state of a spec in one stage of its life: `SpecIn<'scoping'>`. */
export type SpecIn<L extends Lifecycle> = Extract<SpecState, { lifecycle: L }>
/** Neither ended nor failed. */
export type OpenSpec = Extract<SpecState, { paused: boolean }>
export type EndedSpec = SpecIn<'completed' | 'cancelled' | 'archived'>

export const isOpen = (state: SpecState): state is OpenSpec => 'paused' in state
export const isEnded = (state: SpecState): state is EndedSpec =>
  state.lifecycle === 'completed' || state.lifecycle === 'cancelled' || state.lifecycle === 'archived'

/** The run of that id, if the log knows it. */
export const runOf = ({ runs }: Pick<SpecBase, 'runs'>, runId: string): RunView | undefined =>
  runs.find((run) => run.runId === runId)

/** An entry of a record by an id from outside, which may be called `constructor`. */
export const entryOf = <T>(record: Readonly<Record<string, T>>, id: string): T | undefined =>
  Object.hasOwn(record, id) ? record[id] : undefined
