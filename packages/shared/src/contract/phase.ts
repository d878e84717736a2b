import * as z from 'zod'

/** The phases a model or the planner works through before tickets exist, in their order. */
export const PHASES = ['explore', 'requirements', 'design', 'tasks', 'sync'] as const
export const Phase = z.enum(PHASES)
export type Phase = z.infer<typeof Phase>

/** The phase after this one; `undefined` behind `sync`. */
export const phaseAfter = (phase: Phase): Phase | undefined => PHASES[PHASES.indexOf(phase) + 1]

/** Phases whose result a person may have to approve. */
export const APPROVAL_GATES = ['requirements', 'design', 'tasks'] as const
export const ApprovalGate = z.enum(APPROVAL_GATES)
export type ApprovalGate = z.infer<typeof ApprovalGate>

export const EXECUTION_MODES = ['exploration', 'implementation', 'validation'] as const
export const ExecutionMode = z.enum(EXECUTION_MODES)
export type ExecutionMode = z.infer<typeof ExecutionMode>
