import * as z from 'zod'
import { ProjectId, TaskId } from '../ids.ts'
import { ApprovalGate, ExecutionMode, Phase } from '../phase.ts'
import { ApprovalPolicySchema, Budget, MAX_TASK_TEXT, SourceRef, TaskKind } from '../task.ts'

const reason = z.string().max(4096)
const who = z.string().max(256).optional()

/** A task brought this spec, or a further task for it. The text is here, because the log is the truth. */
export const SpecSubmitted = z.looseObject({
  taskId: TaskId,
  kind: TaskKind,
  projectId: ProjectId,
  title: z.string().max(512),
  text: z.string().max(MAX_TASK_TEXT).optional(),
  source: SourceRef.optional(),
  phase: Phase.optional(),
  context: z.record(z.string(), z.unknown()).optional(),
  executionMode: ExecutionMode,
  /** Whether the task asks for the spec-driven skill; it decides the run's path. */
  requireSpecSkill: z.boolean().optional(),
  approval: ApprovalPolicySchema,
  budget: Budget,
  submittedBy: who,
})
/** New text; what `from` and later phases produced is dropped from the state (never from the log). */
export const SpecEdited = z.looseObject({ text: z.string().min(1).max(MAX_TASK_TEXT).optional(), from: Phase, who })
export const SpecApproved = z.looseObject({ gate: ApprovalGate, who })
export const SpecRejected = z.looseObject({ gate: ApprovalGate, reason, who })
export const SpecPaused = z.looseObject({ who })
/** Ends a pause, a failure or a parking. */
export const SpecResumed = z.looseObject({ who })
export const SpecCancelled = z.looseObject({ reason: reason.optional(), who })
export const SpecCompleted = z.looseObject({})
export const SpecFailed = z.looseObject({ reason })
export const SpecArchived = z.looseObject({ who })
