import * as z from 'zod'
import { OrchestratorId, Timestamp } from '../contract/ids.ts'

/** An orchestrator's liveness key in KV bucket `sf_orchestrators`, rewritten every `LIVENESS_EVERY_MS`. */
export const Liveness = z.object({
  v: z.literal(1),
  id: OrchestratorId,
  /** Engines it reaches: it can adopt what runs there. */
  engines: z.array(z.string().max(256)),
  /** Those of them that are given no work now, and why. */
  sick: z.array(z.object({ engine: z.string().max(256), reason: z.string().max(1024) })).default([]),
  /** Names the machine and its boot. */
  host: z.string().max(256),
  pid: z.number().int().positive(),
  /** Start time of that process as its kernel tells it, against re-used pids; empty where unknown. */
  pidStart: z.string().max(64),
  startedAt: Timestamp,
  at: Timestamp,
  draining: z.boolean(),
  slots: z.number().int().nonnegative(),
  busy: z.number().int().nonnegative(),
  version: z.string().max(64),
})
export type Liveness = z.infer<typeof Liveness>

export const LIVENESS_EVERY_MS = 1_000
/** Silence after which an orchestrator counts as dead. Measured on the observer's own clock. */
export const LIVENESS_LIMIT_MS = 5_000
/** How long after an owner's death only those who reach its engine may take its runs. */
export const ADOPTION_GRACE_MS = 10_000
