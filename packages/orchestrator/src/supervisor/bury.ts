import type { DeathCause, ExitReport, PlacedRun } from '@specfleet/shared'
import { causeOfExit, describeCause, purgeTurns } from '@specfleet/shared'
import type { Sandbox } from '../providers/provider.ts'
import { type Aftermath, aftermath, type DeadIncarnation } from './aftermath.ts'
import type { Crew, SupervisorOptions } from './crew.ts'
import { consultLog, knownNow, type LogKnowledge } from './log-knowledge.ts'
import { over } from './transitions.ts'
import type { ClaimedRun, Evidence } from './world.ts'

/**
 * Ends an incarnation: post-mortem, fence, verdict, clean-up.
 *
 * 1. Before its account is revoked the engine and the bus are asked once more: the living are
 *    not buried on old news, nor by an owner that was replaced while it slept.
 * 2. The account is revoked before the log is consulted, so nothing it says comes after.
 * 3. What the engine can tell of its death is taken before the sandbox is destroyed. An engine
 *    that cannot be asked keeps nobody from being condemned: the fence is the account, and the
 *    sandbox is an orphan once the engine is back.
 * 4. Facts first, then the record, then clean-up: a crash in between repeats facts, which
 *    are idempotent, or leaves a sandbox that is an orphan by its labels. Turns have no labels:
 *    they go before the record says `settled`, after which nobody looks at the run again.
 */
export async function bury(
  crew: Crew,
  options: SupervisorOptions,
  run: PlacedRun,
  evidence: Evidence,
  signal: AbortSignal,
): Promise<void> {
  const seen = await lookOnce(crew, run, evidence)
  const lives = seen !== undefined && seen.state.kind !== 'exited'
  if (lives && (evidence.kind === 'exited' || evidence.kind === 'vanished')) return
  if (!(await crew.table.isCurrent(run))) return

  await crew.mint.revoke(run.placement.account)
  const exit = lives ? await endByForce(crew, run) : seen?.state.kind === 'exited' ? seen.state.exit : undefined
  const known = await consultLog(crew, run, signal)
  const dead: DeadIncarnation = {
    // One that ended by itself before we came knows better why it died.
    cause: lives || exit === undefined ? causeOf(evidence) : causeOfExit(exit),
    asked: evidence.kind === 'overdue',
    life: { upMs: crew.clock.now().getTime() - Date.parse(run.since), progressed: progressed(crew, run, known) },
  }
  const next = aftermath(known.demand, known.view, dead, run.failures, options.backoff, crew.random())
  await finish(crew, run, next, known, exit?.logTail ?? [], signal)
  crew.heartbeats.forget(run.placement.sandboxId)
  if (run.placement.engine !== crew.provider.engine) return
  await crew.provider.destroy(run.placement.sandboxId)
  crew.sandboxes.gone(run.placement.sandboxId)
}

/** A claimed run that is not to be worked on: it ends, waits or is parked as the log says. */
export async function conclude(
  crew: Crew,
  options: SupervisorOptions,
  run: ClaimedRun,
  known: LogKnowledge,
  signal: AbortSignal,
): Promise<void> {
  const nobody: DeadIncarnation = { cause: { kind: 'owner-lost' }, asked: true, life: { upMs: 0, progressed: false } }
  await finish(
    crew,
    run,
    aftermath(known.demand, undefined, nobody, run.failures, options.backoff, crew.random()),
    known,
    [],
    signal,
  )
}

async function finish(
  crew: Crew,
  run: ClaimedRun | PlacedRun,
  next: Aftermath,
  known: LogKnowledge,
  logTail: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const scope = { specId: run.specId, runId: run.runId, epoch: run.epoch }
  const lost = next.kind === 'settle' ? undefined : next.lost
  let foldedTo = known.foldedTo
  if (lost !== undefined)
    foldedTo = await crew.facts.state(scope, { type: 'run.lost', data: { cause: lost, logTail: shortened(logTail) } })
  if (next.kind === 'settle' && known.view?.settled === undefined) {
    const data = { outcome: next.outcome, reason: next.reason }
    foldedTo = await crew.facts.state(scope, { type: 'run.settled', data })
  }
  if (next.kind === 'park' && known.view?.parked === undefined) {
    const causes = lost === undefined ? run.causes : [...run.causes, lost].slice(-1000)
    foldedTo = await crew.facts.state(scope, { type: 'run.parked', data: { causes, reason: next.reason } })
  }
  if (next.kind === 'settle') {
    await crew.ledger.caughtUp(foldedTo, signal)
    if (knownNow(crew, run).view?.settled !== undefined) await purgeTurns(crew.bus, run.specId, run.runId)
  }
  const stamp = { now: crew.clock.now(), foldedTo }
  const moved = await crew.table.move(run, over(run, next, stamp))
  crew.log.info(`run.${next.kind === 'settle' ? 'settled' : next.kind === 'park' ? 'parked' : 'waits'}`, {
    runId: run.runId,
    specId: run.specId,
    epoch: run.epoch,
    ...(lost === undefined ? {} : { lost: describeCause(lost) }),
    ...next,
    recorded: moved !== 'conflict',
  })
}

/** What our engine has of the incarnation; `undefined` on another's, or when it cannot say and need not. */
async function lookOnce(crew: Crew, run: PlacedRun, evidence: Evidence): Promise<Sandbox | undefined> {
  if (run.placement.engine !== crew.provider.engine) return undefined
  try {
    return await crew.sandboxes.look(run.placement.sandboxId)
  } catch (error) {
    if (evidence.kind === 'exited' || evidence.kind === 'vanished') throw error
    crew.log.warn('engine.not-asked', { sandboxId: run.placement.sandboxId, error })
    return undefined
  }
}

async function endByForce(crew: Crew, run: PlacedRun): Promise<ExitReport | undefined> {
  try {
    await crew.provider.stop(run.placement.sandboxId, 'kill')
    const remains = await crew.sandboxes.look(run.placement.sandboxId)
    return remains?.state.kind === 'exited' ? remains.state.exit : undefined
  } catch (error) {
    crew.log.warn('engine.not-asked', { sandboxId: run.placement.sandboxId, error })
    return undefined
  }
}

function causeOf(evidence: Evidence): DeathCause {
  if (evidence.kind === 'condemned') return evidence.cause
  return evidence.kind === 'overdue' ? { kind: 'cancelled' } : { kind: 'killed' }
}

/** It got behind `run.ready` and `phase.started`, or took turns while we listened. */
function progressed(crew: Crew, run: PlacedRun, { view }: LogKnowledge): boolean {
  const facts = view !== undefined && view.epoch === run.placement.epoch && view.lastSeq > 2
  return facts || crew.heartbeats.turnsTaken(run.placement.sandboxId) > 0
}

const shortened = (lines: readonly string[]): string[] => lines.slice(-200).map((line) => line.slice(0, 2048))
