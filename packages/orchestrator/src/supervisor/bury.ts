import type { DeathCause, ExitReport, NewFact, PlacedRun } from '@specfleet/shared'
import { describeCause, hasTurns, purgeTurns, SpecfleetError } from '@specfleet/shared'
import type { Sandbox } from '../providers/provider.ts'
import { type Aftermath, aftermath, type DeadIncarnation } from './aftermath.ts'
import { causeOfDeath, verdictOf } from './cause-of-death.ts'
import type { Crew, SupervisorOptions } from './crew.ts'
import { consultLog, knownNow, type LogKnowledge } from './log-knowledge.ts'
import { condemnedTo, over } from './transitions.ts'
import type { ClaimedRun, Evidence } from './world.ts'

/**
 * Ends an incarnation: post-mortem, fence, verdict, clean-up.
 *
 * 1. Before its account is revoked the engine is asked once more: the living are not buried on
 *    old news. Then the record condemns it, by compare-and-set: an owner that was replaced while
 *    it slept does not get that far, and who replaces one that did ends the incarnation likewise.
 *    So nobody ever revokes what somebody else goes on with.
 * 2. The account is revoked before the log is consulted, so nothing it says comes after.
 * 3. What the engine can tell of its death is taken before the sandbox is destroyed. An engine
 *    that cannot be asked keeps nobody from being condemned: the fence is the account, and the
 *    sandbox is an orphan once the engine is back.
 * 4. Facts first, then the record, then clean-up: a crash in between leaves facts that stand for
 *    whoever goes on, or leaves a sandbox that is an orphan by its labels. Turns have no labels:
 *    they go before the record says `settled`, after which nobody looks at the run again.
 */
export async function bury(
  crew: Crew,
  options: SupervisorOptions,
  found: PlacedRun,
  evidence: Evidence,
  signal: AbortSignal,
): Promise<void> {
  const [seen, current] = await Promise.all([lookOnce(crew, found, evidence), crew.table.isCurrent(found)])
  const lives = seen !== undefined && seen.state.kind !== 'exited'
  if (!current || (lives && (evidence.kind === 'exited' || evidence.kind === 'vanished'))) return
  const run = await condemn(crew, found, seen, evidence)
  if (run === undefined) return

  await crew.mint.revoke(run.placement.account)
  const exit = lives ? await endByForce(crew, run) : seen?.state.kind === 'exited' ? seen.state.exit : undefined
  const [known, turns] = await Promise.all([consultLog(crew, run, signal), hasTurns(crew.bus, scopeOf(run))])
  const livedMs = crew.uptimes.ofMs(run)
  const judge = (known: LogKnowledge): Aftermath => {
    const dead: DeadIncarnation = {
      // Its last owner may have said so and died before it wrote it down: then that is the cause.
      cause: toldCause(run, known) ?? causeOfDeath(evidence, exit && { exit, byForce: lives }),
      // An epoch whose fence never came into the log has not begun: nothing is lost with it.
      asked: evidence.kind === 'overdue' || !hasBegun(run, known),
      life: { upMs: livedMs, progressed: turns || gotSomewhere(run, known) },
    }
    return aftermath(known.demand, known.view, dead, run.failures, options.backoff, crew.random())
  }
  const next = await pronounce(
    crew,
    run,
    judge,
    known,
    { livedMs, logTail: exit?.logTail ?? wordsOf(evidence) },
    signal,
  )
  crew.heartbeats.forget(run.placement.sandboxId)
  // The remains of one that is followed at once are an orphan, which does not hold up the next epoch.
  if (next === undefined || next.kind === 'again') return
  const site = siteOf(crew, run)
  await site?.provider.destroy(run.placement.sandboxId)
  site?.sandboxes.gone(run.placement.sandboxId)
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
  const judge = ({ demand }: LogKnowledge): Aftermath =>
    aftermath(demand, undefined, nobody, run.failures, options.backoff, crew.random())
  await pronounce(crew, run, judge, known, { livedMs: 0, logTail: [] }, signal)
}

type Remains = { readonly livedMs: number; readonly logTail: readonly string[] }

/**
 * Says what follows, and does it. It rests on the log as it was read: where something came in between, such as the
 * word of an owner that slept, or our own whose acknowledgement was lost, the log is read and judged again. Who was
 * replaced by then says nothing: the run is looked at behind each reading. Resolves with `undefined` for them.
 */
async function pronounce(
  crew: Crew,
  run: ClaimedRun | PlacedRun,
  judge: (known: LogKnowledge) => Aftermath,
  known: LogKnowledge,
  remains: Remains,
  signal: AbortSignal,
): Promise<Aftermath | undefined> {
  for (let latest = known; ; latest = await consultLog(crew, run, signal)) {
    if (!(await crew.table.isCurrent(run))) return undefined
    const next = judge(latest)
    try {
      await finish(crew, run, next, latest, remains, signal)
      return next
    } catch (error) {
      if (!(error instanceof SpecfleetError) || error.code !== 'bus.conflict') throw error
    }
  }
}

async function finish(
  crew: Crew,
  run: ClaimedRun | PlacedRun,
  next: Aftermath,
  known: LogKnowledge,
  { livedMs, logTail }: Remains,
  signal: AbortSignal,
): Promise<void> {
  const lost = next.kind === 'settle' ? undefined : next.lost
  const { foldedTo } = await sayWhatFollows(crew, run, next, known, logTail)
  if (next.kind === 'settle') {
    await crew.ledger.caughtUp(foldedTo, signal)
    if (knownNow(crew, run).view?.settled !== undefined) await purgeTurns(crew.bus, run.specId, run.runId)
  }
  const stamp = { now: crew.clock.now(), foldedTo, livedMs }
  const moved = await crew.table.move(run, over(run, next, stamp))
  crew.log.info(`run.${SAID[next.kind]}`, {
    runId: run.runId,
    specId: run.specId,
    epoch: run.epoch,
    ...(lost === undefined ? {} : { lost: describeCause(lost) }),
    ...next,
    recorded: moved !== 'conflict',
  })
}

/** Each fact directly behind what it rests on. @throws SpecfleetError `bus.conflict` when something came in between */
async function sayWhatFollows(
  crew: Crew,
  run: ClaimedRun | PlacedRun,
  next: Aftermath,
  known: LogKnowledge,
  logTail: readonly string[],
): Promise<{ foldedTo: number }> {
  const lost = next.kind === 'settle' ? undefined : next.lost
  let { foldedTo, lastOfSpec } = known
  const say = async (fact: NewFact): Promise<void> => {
    lastOfSpec = await crew.facts.state(scopeOf(run), fact, { expectLastOfSpec: lastOfSpec })
    foldedTo = lastOfSpec
  }
  if (lost !== undefined && toldCause(run, known) === undefined)
    await say({ type: 'run.lost', data: { cause: lost, logTail: shortened(logTail) } })
  if (next.kind === 'settle' && known.view?.settled === undefined)
    await say({ type: 'run.settled', data: { outcome: next.outcome, reason: next.reason } })
  if (next.kind === 'park' && known.view?.parked === undefined) {
    const causes = lost === undefined ? run.causes : [...run.causes, lost].slice(-1000)
    await say({ type: 'run.parked', data: { causes, reason: next.reason } })
  }
  return { foldedTo }
}

const SAID = { settle: 'settled', wait: 'waits', again: 'goes-on', park: 'parked' } as const

/**
 * Resolves with the record by which the incarnation is ended; `undefined` when it is not ours
 * any more. One that has ended by itself has nothing left that could be cut off.
 */
async function condemn(
  crew: Crew,
  run: PlacedRun,
  seen: Sandbox | undefined,
  evidence: Evidence,
): Promise<PlacedRun | undefined> {
  if (run.condemned !== undefined || seen?.state.kind === 'exited' || evidence.kind === 'vanished') return run
  const sentence = { cause: verdictOf(evidence), asked: evidence.kind === 'overdue' }
  const stamp = { now: crew.clock.now(), foldedTo: crew.ledger.foldedTo }
  const condemned = await crew.table.move(run, condemnedTo(run, sentence, stamp))
  return condemned === 'conflict' ? undefined : condemned
}

/** Where it is; `undefined` where only others reach it. */
const siteOf = (crew: Crew, { placement }: PlacedRun) => crew.engines.at(placement.engine)

/** What our engine has of the incarnation; `undefined` on another's, or when it cannot say and need not. */
async function lookOnce(crew: Crew, run: PlacedRun, evidence: Evidence): Promise<Sandbox | undefined> {
  try {
    return await siteOf(crew, run)?.sandboxes.look(run.placement.sandboxId)
  } catch (error) {
    if (evidence.kind === 'exited' || evidence.kind === 'vanished') throw error
    crew.log.warn('engine.not-asked', { sandboxId: run.placement.sandboxId, error })
    return undefined
  }
}

async function endByForce(crew: Crew, run: PlacedRun): Promise<ExitReport | undefined> {
  const site = siteOf(crew, run)
  try {
    await site?.provider.stop(run.placement.sandboxId, 'kill')
    const remains = await site?.sandboxes.look(run.placement.sandboxId)
    return remains?.state.kind === 'exited' ? remains.state.exit : undefined
  } catch (error) {
    crew.log.warn('engine.not-asked', { sandboxId: run.placement.sandboxId, error })
    return undefined
  }
}

const wordsOf = (evidence: Evidence): string[] =>
  evidence.kind === 'condemned' && evidence.words !== undefined ? [evidence.words] : []

const hasBegun = ({ placement }: PlacedRun, { view }: LogKnowledge): boolean =>
  view !== undefined && view.epoch >= placement.epoch

/** It got behind `run.ready` and `phase.started`. */
const gotSomewhere = ({ placement }: PlacedRun, { view }: LogKnowledge): boolean =>
  view !== undefined && view.epoch === placement.epoch && view.lastSeq > 2

const scopeOf = ({ specId, runId, epoch }: ClaimedRun | PlacedRun) => ({ specId, runId, epoch })

const shortened = (lines: readonly string[]): string[] => lines.slice(-200).map((line) => line.slice(0, 2048))

/** What the log says of the death of this very epoch. */
const toldCause = ({ epoch }: ClaimedRun | PlacedRun, { view }: LogKnowledge): DeathCause | undefined =>
  view !== undefined && view.lostUpTo >= epoch ? view.causes.at(-1) : undefined
