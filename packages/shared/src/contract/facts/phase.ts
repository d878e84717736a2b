import * as z from 'zod'
import { Phase } from '../phase.ts'
import { Usage } from '../usage.ts'

const attempt = z.number().int().min(1).max(100)
/** Highest turn number of the run that belongs to this fact; turns count from 1 over the whole run. */
const turn = z.number().int().nonnegative()

export const GateResult = z.object({
  gate: z.string().max(128),
  passed: z.boolean(),
  faults: z.array(z.string().max(2048)).max(200),
})
export type GateResult = z.infer<typeof GateResult>

export const PhaseStarted = z.looseObject({ phase: Phase, attempt, turn })
export const PhaseEvaluated = z.looseObject({
  phase: Phase,
  attempt,
  turn,
  passed: z.boolean(),
  /** 0 to 1; 0.7 passes. */
  score: z.number().min(0).max(1),
  gates: z.array(GateResult).max(100),
  /** What the model was told. */
  feedback: z.string().max(64 * 1024),
})
/** The checkpoint. `output` is in the normalised shape of its phase. */
export const PhaseCompleted = z.looseObject({
  phase: Phase,
  attempt,
  turn,
  output: z.unknown(),
  score: z.number().min(0).max(1),
  usage: Usage,
})
export const PhaseFailed = z.looseObject({
  phase: Phase,
  attempts: attempt,
  turn,
  reason: z.string().max(16 * 1024),
  usage: Usage,
})
