import * as z from 'zod'
import { DeathCause } from '../../run/causes.ts'
import { OrchestratorId, SandboxId, TaskId } from '../ids.ts'
import { Phase } from '../phase.ts'
import { TaskKind } from '../task.ts'
import { Usage } from '../usage.ts'

/** An orchestrator took the task off the queue; the run exists from here. */
export const RunClaimed = z.looseObject({ taskId: TaskId, kind: TaskKind, owner: OrchestratorId })
/**
 * A new epoch begins and every earlier one is void: their facts behind this entry do
 * not count, nor do turns stored behind `turnsUpTo` (sequence in `SF_TURNS`).
 */
export const RunFenced = z.looseObject({ owner: OrchestratorId, turnsUpTo: z.number().int().nonnegative() })
export const RunSpawned = z.looseObject({
  sandboxId: SandboxId,
  provider: z.string().max(64),
  engine: z.string().max(256),
})
/** The worker booted and is connected. `bootMs` counts from its process's start. */
export const RunReady = z.looseObject({
  bootMs: z.number().nonnegative(),
  worker: z.string().max(64),
  path: z.string().max(32),
})

export const DELIVERY_OUTCOMES = [
  'done',
  'failed',
  'awaiting-approval',
  'paused',
  'drained',
  'cancelled',
  'budget',
] as const
/** The worker's own last word. It is a claim: the supervisor settles by the log. */
export const RunDelivered = z.looseObject({
  outcome: z.enum(DELIVERY_OUTCOMES),
  reason: z
    .string()
    .max(16 * 1024)
    .optional(),
  phase: Phase.optional(),
  /** What a plain prompt was answered with. */
  result: z
    .string()
    .max(64 * 1024)
    .optional(),
  usage: Usage,
})
export const RunLost = z.looseObject({
  cause: DeathCause,
  detail: z.string().max(4096).optional(),
  /** Last log lines, oldest first. */
  logTail: z.array(z.string().max(2048)).max(200),
})
export const RunAdopted = z.looseObject({ from: OrchestratorId, to: OrchestratorId })
/** It cannot go on by itself; a person decides. `causes` are those of its failed epochs, oldest first. */
export const RunParked = z.looseObject({ causes: z.array(DeathCause).max(1000), reason: z.string().max(4096) })
/** Who turns a sandbox away: the bus's server, its wire, the desk and its services, who hears its heart. */
export const REFUSERS = ['bus', 'wire', 'desk', 'model', 'blob', 'beat'] as const
export const Refuser = z.enum(REFUSERS)
export type Refuser = z.infer<typeof Refuser>

/**
 * What a sandbox was refused. Said at once for the first time, then sparingly: `count` is how many
 * there were since the fact before of the same refuser, `lastReason` why the last of them.
 */
export const RunRefused = z.looseObject({
  by: Refuser,
  count: z.number().int().min(1),
  lastReason: z.string().max(300),
})
export const RunSettled = z.looseObject({
  outcome: z.enum(['done', 'failed', 'cancelled']),
  reason: z
    .string()
    .max(16 * 1024)
    .optional(),
})
