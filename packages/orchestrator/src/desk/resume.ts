import type { Bus, FactLog, PlacedRun, ResumeState, StoredTurn, Usage } from '@specfleet/shared'
import {
  addUsage,
  chargedTo,
  NO_USAGE,
  pathOf,
  plans,
  readTurns,
  resumePoint,
  runOf,
  SourceBundle,
  SpecfleetError,
} from '@specfleet/shared'
import type { Ledger } from '../ledger/ledger.ts'
import { titleOf } from '../supervisor/announce.ts'

export type ResumeDesk = {
  readonly bus: Bus
  readonly ledger: Ledger
  readonly factLog: FactLog
  /** Which upstream answers model calls. */
  readonly upstream: string
  /** For tasks that name no model. */
  readonly model: string
}

/** All that a new epoch needs to go on from the last acknowledged turn. */
export async function resumeState(desk: ResumeDesk, run: PlacedRun, signal: AbortSignal): Promise<ResumeState> {
  await desk.ledger.caughtUp(await desk.factLog.lastSeq(), signal)
  const spec = desk.ledger.spec(run.specId)
  const point = resumePoint(spec, run.runId)
  if (spec === undefined || point === undefined) throw new SpecfleetError('run.unknown', run.runId)
  const view = runOf(spec, run.runId)
  const stored = await readTurns(desk.bus, run.specId, run.runId)
  const counting = stored.filter(({ epoch, seq }) => seq <= (point.turnLimits.get(epoch) ?? Number.POSITIVE_INFINITY))
  const { task } = run
  return {
    v: 1,
    task: {
      kind: task.kind,
      title: titleOf(task),
      // A plan follows what the spec says by now; a prompt is what its task said.
      text: plans(pathOf({ ...task, ...task.executionConfig })) ? spec.text : (task.text ?? spec.text),
      model: task.model ?? desk.model,
      executionMode: task.executionConfig.executionMode,
      requireSpecSkill: task.executionConfig.requireSpecSkill,
      selectedSkill: task.executionConfig.selectedSkill,
      approval: spec.approval,
      budget: task.budget,
    },
    phase: point.phase,
    failedAttempts: point.failedAttempts,
    feedback: point.feedback,
    outputs: point.outputs,
    turns: counting.filter(({ conversation }) => conversation === point.conversation).map(withoutPlace),
    turnsSoFar: Math.max(point.turnsSoFar, ...counting.map(({ turn }) => turn)),
    usage: spent(stored, point.usage),
    spent: {
      turns: view === undefined ? 0 : chargedTo(view).turns,
      minutes: run.spentMs / 60_000,
    },
    source: run.source === null ? null : SourceBundle.parse(run.source),
    upstream: desk.upstream,
  }
}

const withoutPlace = ({ epoch: _epoch, seq: _seq, ...turn }: StoredTurn) => turn

/** A turn that no longer counts was paid for all the same; turns of a phase long settled are only in the log. */
function spent(stored: readonly StoredTurn[], known: Usage): Usage {
  const total = stored.map(({ usage }) => usage).reduce(addUsage, NO_USAGE)
  return total.turns >= known.turns ? total : known
}
