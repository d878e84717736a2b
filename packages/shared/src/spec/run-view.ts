import * as z from 'zod'
import { DELIVERY_OUTCOMES, Refuser } from '../contract/facts/run.ts'
import { MessageId, OrchestratorId, RunId, TaskId } from '../contract/ids.ts'
import type { ExecutionMode } from '../contract/phase.ts'
import { TaskKind } from '../contract/task.ts'
import { Usage } from '../contract/usage.ts'
import { DeathCause } from '../run/causes.ts'
import { Charges } from './charges.ts'

const count = z.number().int().nonnegative()

/**
 * Which way a run goes. `phases` and `prompt` both plan the spec, phase by phase; the
 * others do one piece of work and are done when they say so.
 */
export const RunPath = z.enum(['phases', 'prompt', 'plain', 'ticket', 'validate'])
export type RunPath = z.infer<typeof RunPath>

/** A task that was accepted for the spec. */
export const Submission = z.object({
  taskId: TaskId,
  kind: TaskKind,
  path: RunPath,
  /** Why it may not run, although the queue took it. */
  refused: z.string().exactOptional(),
})
export type Submission = z.infer<typeof Submission>

/** The start of an epoch: earlier ones are void behind it. */
export const Fence = z.object({
  epoch: count,
  /** Turns of earlier epochs stored behind this sequence of `SF_TURNS` do not count. */
  turnsUpTo: count,
  /** Where the fence itself stands in the log. */
  seq: count,
})
export type Fence = z.infer<typeof Fence>

/** What sandboxes of the run were refused, by whom. */
export const Refusals = z.object({
  by: z.partialRecord(Refuser, z.object({ count, lastReason: z.string() })),
  /** The fact that told last: told again it counts once. */
  told: MessageId,
})
export type Refusals = z.infer<typeof Refusals>

/** What the log knows of one run. Who owns it and where it runs stands in its run record. */
export const RunView = z.object({
  runId: RunId,
  taskId: TaskId,
  kind: TaskKind,
  path: RunPath,
  /** The epoch that may speak; 0 before the first fence. */
  epoch: count,
  owner: OrchestratorId.exactOptional(),
  fences: z.array(Fence),
  /** Highest `seq` heard of the current epoch's worker. */
  lastSeq: count,
  /** What this epoch and earlier ones say of phases, and their turns, concern a plan that was since dropped. */
  staleUpTo: count,
  /** Highest turn number that a fact named. */
  lastTurn: count,
  ready: z.boolean(),
  /** Highest epoch whose death is recorded. */
  lostUpTo: count,
  /** The current epoch's last word. */
  delivered: z
    .object({ outcome: z.enum(DELIVERY_OUTCOMES), reason: z.string().exactOptional(), usage: Usage })
    .exactOptional(),
  /** Why earlier epochs died, oldest first; the last hundred. */
  causes: z.array(DeathCause),
  refusals: Refusals.exactOptional(),
  charges: Charges.exactOptional(),
  /** A spending limit was reached; until somebody decides otherwise the run does not go on. */
  exhausted: z.enum(['usd', 'turns', 'minutes']).exactOptional(),
  parked: z.object({ reason: z.string() }).exactOptional(),
  settled: z
    .object({ outcome: z.enum(['done', 'failed', 'cancelled']), reason: z.string().exactOptional() })
    .exactOptional(),
  /** Sum over the phases it finished; a lower bound. */
  phaseUsage: Usage,
  /** The best known total of all its epochs. */
  usage: Usage,
})
export type RunView = z.infer<typeof RunView>

/** Whether a sandbox may be at work for the run: it was fenced in, and neither died nor had its last word. */
export const isLive = (run: RunView): boolean =>
  run.settled === undefined && run.delivered === undefined && run.epoch > run.lostUpTo

/** Why the run cannot go on until a person says so; `undefined` when it can. */
export function haltOf(run: RunView): string | undefined {
  if (run.settled !== undefined) return undefined
  if (run.parked !== undefined) return run.parked.reason
  if (run.exhausted !== undefined) return `the budget of ${run.exhausted} is spent`
  return run.delivered?.outcome === 'budget' ? (run.delivered.reason ?? 'the budget is spent') : undefined
}

/** The run without what halts it. */
export function unhalted(run: RunView): RunView {
  if (haltOf(run) === undefined) return run
  const { parked: _parked, exhausted: _exhausted, delivered, ...kept } = run
  return delivered === undefined || delivered.outcome === 'budget' ? kept : { ...kept, delivered }
}

/** The run after its plan was dropped: what its current epoch says of phases no longer counts. */
export const outdated = (run: RunView): RunView =>
  run.settled === undefined && plans(run.path) ? { ...run, staleUpTo: run.epoch } : run

/** Whether a run of this path hands in phases. */
export const plans = (path: RunPath): boolean => path === 'phases' || path === 'prompt'

/** The path of a task; the spec-driven skill needs both its flag and the mode that explores. */
export function pathOf(task: { kind: TaskKind; executionMode: ExecutionMode; requireSpecSkill: boolean }): RunPath {
  switch (task.kind) {
    case 'ticket':
    case 'validate':
      return task.kind
    case 'spec':
    case 'prompt':
      if (task.requireSpecSkill && task.executionMode === 'exploration') return 'prompt'
      return task.kind === 'spec' ? 'phases' : 'plain'
  }
}
