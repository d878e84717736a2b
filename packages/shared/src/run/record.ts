import * as z from 'zod'
import { DELIVERY_OUTCOMES } from '../contract/facts/run.ts'
import { Epoch, OrchestratorId, RunId, SandboxId, Sha256, SpecId, Timestamp } from '../contract/ids.ts'
import { Task } from '../contract/task.ts'
import { DeathCause } from './causes.ts'

/**
 * The record of a run in KV bucket `sf_runs`, key = run id. It is written only by
 * compare-and-set and says who owns the run and what should exist for it; what the run
 * has achieved stands in the log.
 *
 *   queued ─► claimed ─► starting ─► running ─► settled
 *                ▲           │          │
 *                │           ▼          ▼
 *                └──── waiting (back-off, approval, pause) ─► parked ─► (retry) waiting
 */
const Base = z.object({
  v: z.literal(1),
  runId: RunId,
  specId: SpecId,
  task: Task,
  /** Bundle of the source, once the trusted side has fetched it. */
  source: z.object({ sha256: Sha256, bytes: z.number(), commit: z.string(), branch: z.string() }).nullable(),
  claimedAt: Timestamp,
  changedAt: Timestamp,
  /** Epoch last fenced into existence; 0 before the first. */
  epoch: z.number().int().nonnegative(),
  /** Why earlier epochs died, oldest first; a deliberate stop (pause, drain, approval) is none. */
  causes: z.array(DeathCause).max(1000),
  /** Deaths in a row without proven progress; what the attempt limit counts. */
  failures: z.number().int().nonnegative(),
  /** How long its ended incarnations lived, all together, in milliseconds: what `budget.minutes` counts. */
  spentMs: z.number().nonnegative().default(0),
  /** Log sequence up to which its last writer knew the log. Who has folded less may not judge the run. */
  foldedTo: z.number().int().nonnegative().default(0),
})

/** A sandbox that exists, or is being made, on an engine. */
export const Placement = z.object({
  epoch: Epoch,
  sandboxId: SandboxId,
  provider: z.string().max(64),
  /** Names the one engine: a host's processes, a host's Docker, a Daytona region. */
  engine: z.string().max(256),
  /** Public key of the epoch's account, to revoke it at the fence. */
  account: z.string().max(64),
  /** The blob that holds the context of earlier phases, when it is too long for the environment. */
  context: Sha256.optional(),
})
export type Placement = z.infer<typeof Placement>

const Placed = Base.extend({
  owner: OrchestratorId,
  placement: Placement,
  since: Timestamp,
  /**
   * Whoever wrote this may revoke its account at any moment: it can only be ended. `asked`: it
   * was asked to end, so its end is no failure.
   */
  condemned: z.object({ cause: DeathCause, asked: z.boolean() }).exactOptional(),
})

export const WaitReason = z.enum(['backoff', 'approval', 'paused', 'drained'])
export type WaitReason = z.infer<typeof WaitReason>

/** Where a task stood in the queue: its sequence in `SF_TASKS`. Of one project the lower comes first. */
const Place = z.number().int().nonnegative()

export const RunRecord = z.discriminatedUnion('state', [
  /** Taken off the queue, and waits for a slot. Anyone who has one may take it, in the fleet's order. */
  Base.extend({ state: z.literal('queued'), place: Place }),
  /** Has a slot; nothing has been made yet. */
  Base.extend({ state: z.literal('claimed'), owner: OrchestratorId }),
  /** The fence is in the log; the sandbox is being made. */
  Placed.extend({ state: z.literal('starting') }),
  /** The sandbox exists and is watched. */
  Placed.extend({ state: z.literal('running') }),
  /** Nothing exists; goes on at `until`, or when the log says so (`until: null`). Anyone may take it then. */
  Base.extend({ state: z.literal('waiting'), why: WaitReason, until: Timestamp.nullable() }),
  /** Gave up until a person decides. Everything is kept. */
  Base.extend({ state: z.literal('parked'), reason: z.string() }),
  Base.extend({
    state: z.literal('settled'),
    outcome: z.enum(['done', 'failed', 'cancelled']),
    reason: z.string().optional(),
    delivered: z.enum(DELIVERY_OUTCOMES).optional(),
  }),
])
export type RunRecord = z.infer<typeof RunRecord>
export type RunState = RunRecord['state']
export type OwnedRun = Extract<RunRecord, { owner: OrchestratorId }>
export type PlacedRun = Extract<RunRecord, { placement: Placement }>

const LEGAL: Record<RunState, readonly RunState[]> = {
  queued: ['claimed'],
  claimed: ['claimed', 'starting', 'waiting', 'parked', 'settled'],
  starting: ['starting', 'running', 'waiting', 'parked', 'settled', 'claimed'],
  running: ['running', 'starting', 'waiting', 'parked', 'settled', 'claimed'],
  waiting: ['waiting', 'claimed', 'parked', 'settled'],
  parked: ['waiting', 'settled', 'parked'],
  settled: [],
}

/** Whether a record may be replaced by another. A settled run is never written again. */
export function isLegalMove(from: RunRecord, to: RunRecord): boolean {
  return from.runId === to.runId && to.epoch >= from.epoch && LEGAL[from.state].includes(to.state)
}

export const isOwned = (record: RunRecord): record is OwnedRun => 'owner' in record
export const isPlaced = (record: RunRecord): record is PlacedRun => 'placement' in record
