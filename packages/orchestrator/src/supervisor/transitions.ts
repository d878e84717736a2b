import type { DeathCause, OrchestratorId, PlacedRun, Placement, RunRecord } from '@specfleet/shared'
import type { Aftermath } from './aftermath.ts'
import type { SettledRun } from './run-table.ts'
import type { ActiveRun, ClaimedRun, ParkedRun, QueuedRecord, RunningRun, StartingRun, WaitingRun } from './world.ts'

/** Moves of a run record. Pure: each builds the next record whole, with only the fields legal in it. */

/** What every move writes down: when, and how much of the log was known. */
export type Stamp = {
  readonly now: Date
  readonly foldedTo: number
  /** How long the incarnation that is over has lived, in milliseconds. */
  readonly livedMs?: number
}

const baseOf = (run: RunRecord, stamp: Stamp) => ({
  v: run.v,
  runId: run.runId,
  specId: run.specId,
  task: run.task,
  source: run.source,
  claimedAt: run.claimedAt,
  changedAt: stamp.now.toISOString(),
  epoch: run.epoch,
  causes: run.causes,
  failures: run.failures,
  spentMs: run.spentMs + Math.round(stamp.livedMs ?? 0),
  foldedTo: Math.max(run.foldedTo, stamp.foldedTo),
})

export const claimedBy = (run: QueuedRecord | WaitingRun, owner: OrchestratorId, stamp: Stamp): ClaimedRun => ({
  ...baseOf(run, stamp),
  state: 'claimed',
  owner,
})

/** The same run with another owner. */
export const ownedBy = (run: ClaimedRun | PlacedRun, owner: OrchestratorId, stamp: Stamp): ClaimedRun | PlacedRun => ({
  ...run,
  ...baseOf(run, stamp),
  owner,
})

/** The same incarnation, sentenced: whoever owns it can only end it. */
export const condemnedTo = (
  run: PlacedRun,
  sentence: { cause: DeathCause; asked: boolean },
  stamp: Stamp,
): PlacedRun => ({ ...run, ...baseOf(run, stamp), condemned: sentence })

export const startingAt = (run: ClaimedRun, placement: Placement, stamp: Stamp): StartingRun => ({
  ...baseOf(run, stamp),
  state: 'starting',
  owner: run.owner,
  epoch: placement.epoch,
  placement,
  since: stamp.now.toISOString(),
})

export const runningSince = (run: StartingRun, stamp: Stamp): RunningRun => ({
  ...baseOf(run, stamp),
  state: 'running',
  owner: run.owner,
  placement: run.placement,
  since: stamp.now.toISOString(),
})

/** A person wants it to go on: it may be taken at once, with its failures forgiven. */
export const unparked = (run: ParkedRun, stamp: Stamp): WaitingRun => ({
  ...baseOf(run, stamp),
  state: 'waiting',
  why: 'backoff',
  until: stamp.now.toISOString(),
  failures: 0,
})

export const released = (run: ClaimedRun, stamp: Stamp): WaitingRun => ({
  ...baseOf(run, stamp),
  state: 'waiting',
  why: 'drained',
  until: stamp.now.toISOString(),
})

const MOST_CAUSES = 1000

/** What a run becomes when its incarnation is over. */
export function over(
  run: ClaimedRun | PlacedRun,
  next: Aftermath,
  stamp: Stamp,
): ClaimedRun | WaitingRun | ParkedRun | SettledRun {
  const base = baseOf(run, stamp)
  switch (next.kind) {
    case 'settle':
      return {
        ...base,
        state: 'settled',
        outcome: next.outcome,
        ...(next.reason === undefined ? {} : { reason: next.reason }),
      }
    case 'wait':
      return {
        ...base,
        state: 'waiting',
        causes: withCause(run, next.lost),
        failures: next.failures,
        why: next.why,
        until: next.delayMs === undefined ? null : new Date(stamp.now.getTime() + next.delayMs).toISOString(),
      }
    case 'again':
      return { ...base, state: 'claimed', owner: run.owner, causes: withCause(run, next.lost), failures: next.failures }
    case 'park':
      return {
        ...base,
        state: 'parked',
        causes: withCause(run, next.lost),
        failures: next.failures,
        reason: next.reason,
      }
  }
}

const withCause = (run: ActiveRun, lost: DeathCause | undefined): DeathCause[] =>
  lost === undefined ? run.causes : [...run.causes, lost].slice(-MOST_CAUSES)
