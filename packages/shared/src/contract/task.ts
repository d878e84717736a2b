import * as z from 'zod'
import { ProjectId, SpecId, TaskId, TicketId } from './ids.ts'
import { ApprovalGate, ExecutionMode, Phase } from './phase.ts'

/** Longest spec or prompt text a task may carry, in characters. */
export const MAX_TASK_TEXT = 256 * 1024

/**
 * Most bytes of a whole task, written as JSON: its record, and the fact that tells of it,
 * have to fit into one message of 1 MiB together with all that a run adds.
 */
export const MAX_TASK_BYTES = 896 * 1024

export const TaskKind = z.enum(['spec', 'prompt', 'ticket', 'validate'])
export type TaskKind = z.infer<typeof TaskKind>

export const PRIORITIES = ['high', 'normal', 'low'] as const
export const Priority = z.enum(PRIORITIES)
export type Priority = z.infer<typeof Priority>

/** Where the trusted side fetches the source from: a git URL or a local path. */
export const SourceRef = z.object({
  git: z
    .string()
    .max(4096)
    .regex(/^\P{Cc}+$/u, 'a path or URL has no control characters'),
  ref: z
    .string()
    .min(1)
    .max(256)
    .regex(/^[^-\s\p{Cc}][^\s\p{Cc}]*$/u, 'a git ref has no spaces, no control characters and no leading dash')
    .optional(),
})
export type SourceRef = z.infer<typeof SourceRef>

/** `auto`, or the phases whose result a person approves. */
export const ApprovalPolicySchema = z.union([z.literal('auto'), z.array(ApprovalGate)])
export type ApprovalPolicy = z.infer<typeof ApprovalPolicySchema>

export const Budget = z.object({
  /** US dollars for the whole run, over all its epochs; a call that no reply was told of counts as what it may cost. */
  usd: z.number().positive().max(100_000).optional(),
  /** Model replies for the whole run, over all its epochs, those included that a crash lost. */
  turns: z.number().int().positive().max(100_000).optional(),
  /** Minutes for the whole run, over all its epochs: as long as it has a sandbox. Waiting costs none. */
  minutes: z.number().positive().max(10_080).optional(),
})
export type Budget = z.infer<typeof Budget>

/** Limits of one sandbox. What is not named is as the fleet has it. */
export const SandboxLimits = z.strictObject({
  memoryMb: z.number().int().min(64).max(1_048_576).exactOptional(),
  diskMb: z.number().int().min(16).max(1_048_576).exactOptional(),
  /** Cores, may be fractional. */
  cpus: z.number().min(0.1).max(1024).exactOptional(),
  pids: z.number().int().min(64).max(65_536).exactOptional(),
  /** Wall-clock of one epoch; `budget.minutes` is for all of them. */
  minutes: z.number().min(0.1).max(10_080).exactOptional(),
  outputMb: z.number().int().min(1).max(1_048_576).exactOptional(),
})
export type SandboxLimits = z.infer<typeof SandboxLimits>

export const ExecutionConfig = z.object({
  requireSpecSkill: z.boolean().default(false),
  selectedSkill: z.string().max(64).default('spec-driven-dev'),
  executionMode: ExecutionMode.default('exploration'),
})
export type ExecutionConfig = z.infer<typeof ExecutionConfig>

/**
 * What may be queued. Only `kind`, and `text` or `specId`, are needed. A `spec` task
 * runs the phase machine from `phase`, unless `executionConfig.requireSpecSkill` asks
 * for the prompt path.
 */
export const TaskInput = z
  .looseObject({
    v: z.literal(1).default(1),
    taskId: TaskId.optional(),
    kind: TaskKind,
    projectId: ProjectId.default(ProjectId.parse('default')),
    specId: SpecId.optional(),
    ticketId: TicketId.optional(),
    title: z.string().max(512).optional(),
    text: z.string().min(1).max(MAX_TASK_TEXT, `text is longer than ${MAX_TASK_TEXT} characters`).optional(),
    source: SourceRef.optional(),
    phase: Phase.optional(),
    /** Outputs of earlier phases, `{ "<phase>": … }`, when the run starts in the middle. */
    context: z.record(z.string(), z.unknown()).optional(),
    priority: Priority.default('normal'),
    model: z.string().min(1).max(128).optional(),
    executionConfig: ExecutionConfig.prefault({}),
    approval: ApprovalPolicySchema.default('auto'),
    /** Where its sandboxes are made; `auto`, or nothing, leaves it to the fleet. */
    provider: z.string().min(1).max(64).optional(),
    /** What they are made of, out of those that the fleet allows. */
    image: z.string().min(1).max(512).optional(),
    /** Less than the fleet gives; more only as far as its operator allows. */
    limits: SandboxLimits.default({}),
    budget: Budget.default({}),
    submittedBy: z.string().max(256).optional(),
  })
  .refine((task) => task.text !== undefined || task.specId !== undefined, {
    message: 'a task needs "text" or "specId"',
    path: ['text'],
  })
  .refine((task) => task.kind !== 'ticket' || task.ticketId !== undefined, {
    message: 'a ticket task needs "ticketId"',
    path: ['ticketId'],
  })
export type TaskInput = z.input<typeof TaskInput>

/** A task whose ids are settled; what run records hold. */
export type Task = z.output<typeof TaskInput> & { taskId: TaskId; specId: SpecId }
export const Task: z.ZodType<Task> = TaskInput.transform((task, context): Task => {
  if (task.taskId === undefined || task.specId === undefined) {
    context.addIssue({ code: 'custom', message: 'a recorded task has taskId and specId' })
    return z.NEVER
  }
  return { ...task, taskId: task.taskId, specId: task.specId }
})

/** Gives a parsed task its missing ids: `taskId` from `newTaskId`, `specId` from the task's own id. */
export function withIds(task: z.output<typeof TaskInput>, newTaskId: () => TaskId): Task {
  const taskId = task.taskId ?? newTaskId()
  return { ...task, taskId, specId: task.specId ?? SpecId.parse(taskId) }
}

export const needsApproval = (policy: ApprovalPolicy, phase: Phase): boolean =>
  policy !== 'auto' && policy.some((gate) => gate === phase)
