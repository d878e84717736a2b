import type {
  DeadLetter,
  DeadSummary,
  Liveness,
  OrchestratorSummary,
  RunSummary,
  RunView,
  SpecId,
  SpecState,
  SpecSummary,
} from '@specfleet/shared'
import { describeCause, isOpen, isOwned, isPlaced, runOf } from '@specfleet/shared'
import type { Ledger } from '../ledger/ledger.ts'
import type { RunTable } from '../supervisor/run-table.ts'
import type { ActiveRun, QueuedRun } from '../supervisor/world.ts'

/** What lists show. Pure. */

export const summariseSpec = (spec: SpecState): SpecSummary => ({
  specId: spec.specId,
  projectId: spec.projectId,
  title: spec.title,
  lifecycle: spec.lifecycle,
  phase: spec.lifecycle === 'scoping' ? spec.progress.phase : null,
  paused: isOpen(spec) && spec.paused,
  runs: spec.runs.length,
  usage: spec.usage,
})

/** A run by its record, while it has one that can still change. */
const summariseActive = (run: ActiveRun): RunSummary => ({
  runId: run.runId,
  specId: run.specId,
  kind: run.task.kind,
  state: run.state,
  epoch: run.epoch,
  owner: isOwned(run) ? run.owner : null,
  provider: isPlaced(run) ? run.placement.provider : null,
  engine: isPlaced(run) ? run.placement.engine : null,
  failures: run.failures,
  causes: run.causes.map(describeCause),
  changedAt: run.changedAt,
  outcome: null,
  reason: run.state === 'parked' ? run.reason : run.state === 'waiting' ? run.why : null,
})

/** A run that waits for its first slot. */
const summariseQueued = (run: QueuedRun): RunSummary => ({
  runId: run.runId,
  specId: run.specId,
  kind: run.kind,
  state: 'queued',
  epoch: 0,
  owner: null,
  provider: null,
  engine: null,
  failures: 0,
  causes: [],
  changedAt: run.changedAt,
  outcome: null,
  reason: `priority ${run.priority}`,
})

/** A run by what the log knows of it. */
const summariseLogged = (spec: SpecState, view: RunView, settledAt: string | undefined): RunSummary => ({
  runId: view.runId,
  specId: spec.specId,
  kind: view.kind,
  state: view.settled === undefined ? 'unrecorded' : 'settled',
  epoch: view.epoch,
  owner: null,
  provider: null,
  engine: null,
  failures: 0,
  causes: view.causes.map(describeCause),
  changedAt: settledAt ?? spec.createdAt,
  outcome: view.settled?.outcome ?? null,
  reason: view.settled?.reason ?? null,
})

/** Every run of a spec, in the order they were claimed; the newest may be known by its record only. */
export function runsOfSpec(specId: SpecId, spec: SpecState | undefined, table: RunTable): RunSummary[] {
  const logged = spec === undefined ? [] : spec.runs.map((view) => summariseRun(spec, view, table))
  const unannounced = table
    .active()
    .filter((run) => run.specId === specId && (spec === undefined || runOf(spec, run.runId) === undefined))
  return [...logged, ...unannounced.map(summariseActive), ...table.backlog.ofSpec(specId).map(summariseQueued)]
}

function summariseRun(spec: SpecState, view: RunView, table: RunTable): RunSummary {
  const run = table.get(view.runId)
  // The log settles a run a moment before its record does.
  return run === undefined || view.settled !== undefined
    ? summariseLogged(spec, view, table.settledAt(view.runId))
    : summariseActive(run)
}

/** Runs of all specs, the ones that can still change first. */
export function allRuns(ledger: Ledger, table: RunTable, limit: number): RunSummary[] {
  const runs = table.active().map(summariseActive)
  for (const run of table.backlog.all()) {
    if (runs.length >= limit) break
    runs.push(summariseQueued(run))
  }
  for (const spec of ledger.specs()) {
    if (runs.length >= limit) break
    for (const view of spec.runs) if (table.get(view.runId) === undefined) runs.push(summariseRun(spec, view, table))
  }
  return runs.slice(0, limit)
}

export const summariseOrchestrator = (peer: Liveness): OrchestratorSummary => ({
  id: peer.id,
  engines: peer.engines,
  sick: peer.sick,
  startedAt: peer.startedAt,
  draining: peer.draining,
  slots: peer.slots,
  busy: peer.busy,
  version: peer.version,
})

export const summariseDead = (letter: DeadLetter): DeadSummary => ({
  seq: letter.seq,
  at: letter.at.toISOString(),
  reason: letter.reason,
  subject: letter.subject,
  error: letter.error,
  bytes: letter.data.byteLength,
})
