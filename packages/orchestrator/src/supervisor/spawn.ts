import type { Epoch, PhaseContext, ResumePoint } from '@specfleet/shared'
import {
  lastTurnSeq,
  resumePoint,
  SpecfleetError,
  sandboxIdOf,
  toSpecfleetError,
  writeSandboxEnv,
} from '@specfleet/shared'
import { imageOf, limitsFor, mayHaveImage } from '../engines/policy.ts'
import type { Site } from '../engines/site.ts'
import type { Created, Labels, Limits, SandboxProvider, SandboxRequest } from '../providers/provider.ts'
import { announce } from './announce.ts'
import { bury, conclude } from './bury.ts'
import type { Crew, SupervisorOptions } from './crew.ts'
import { consultLog, knownNow, type LogKnowledge } from './log-knowledge.ts'
import { birthOf, contextOf } from './resume.ts'
import { bootOf } from './starts.ts'
import { released, runningSince, startingAt } from './transitions.ts'
import type { ActiveRun, ClaimedRun, StartingRun } from './world.ts'

/**
 * Credentials of a sandbox outlive its wall-clock limit by this much, so that the limit speaks
 * first, also when the server's clock is set forward by an hour on the way.
 */
const CREDENTIAL_MARGIN_MS = 75 * 60_000

export const credentialLifeMs = ({ wallClockMinutes }: Pick<Limits, 'wallClockMinutes'>): number =>
  wallClockMinutes * 60_000 + CREDENTIAL_MARGIN_MS

/**
 * Brings a claimed run to where the log wants it: usually a sandbox of the next epoch.
 *
 * 1. No earlier incarnation can be heard any more: its account was revoked before its run
 *    could become `claimed` again.
 * 2. The record says `starting`, with the account, before anything of the epoch exists that
 *    a crash of ours could leave behind.
 * 3. The fence stands in the log, and is folded, before what the epoch starts from is read.
 * 4. Nobody fences behind their successor.
 */
export async function advance(
  crew: Crew,
  options: SupervisorOptions,
  run: ClaimedRun,
  engine: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  await announce(crew, run, signal)
  const start = await crew.starts.next(signal)
  if (start === 'closed') return
  using _start = start
  const known = await consultLog(crew, run, signal)
  if (known.demand.kind !== 'work') return conclude(crew, options, run, known, signal)

  const limits = limitsOf(run, options)
  if (limits.wallClockMinutes < LEAST_MINUTES)
    return conclude(crew, options, run, await outOfTime(crew, run, signal), signal)

  const site = engine === undefined ? undefined : crew.engines.at(engine)
  using making = site?.begin(run.runId)
  if (site === undefined || making === undefined) return giveBack(crew, run)
  const epoch = run.epoch + 1
  const point = resumeFrom(crew, run)
  const context = await contextOf(point, crew)
  // The server judges by its own clock, and ours may be wrong.
  const expiresAt = new Date((await crew.mint.serverTime()).getTime() + credentialLifeMs(limits))
  const { account, creds } = await crew.mint.mint({ specId: run.specId, runId: run.runId, epoch }, { expiresAt })
  const placement = {
    epoch,
    sandboxId: sandboxIdOf(run.runId, epoch),
    provider: site.provider.name,
    engine: site.engine,
    account,
    ...(context?.kind === 'blob' ? { context: context.sha256 } : {}),
  }
  const starting = await crew.table.move(run, startingAt(run, placement, stampOf(crew)))
  if (starting === 'conflict') return crew.mint.revoke(account)

  if (!(await fence(crew, options, starting, signal))) return
  const birth = { creds, limits, expiresAt, context }
  const created = await create(crew, options, site, starting, birth, signal)
  if (created.kind === 'failed') {
    making.failed(created.code, created.message)
    const cause = { kind: 'provider-error', code: created.code.slice(0, 64), retryable: created.retryable } as const
    crew.log.error('sandbox.not-made', { runId: run.runId, epoch, code: created.code, message: created.message })
    start[Symbol.dispose]()
    return bury(crew, options, starting, { kind: 'condemned', cause, words: created.message }, signal)
  }
  making.worked()
  start.boots(bootOf(crew, site, starting), signal)
  await confirm(crew, starting)
}

/** Its engine will not have it now. It has lost nothing, and waits for a place like those that are due. */
async function giveBack(crew: Crew, run: ClaimedRun): Promise<void> {
  await crew.table.move(run, released(run, stampOf(crew)))
}

/** The sandbox of a start runs: the record and the log say so. */
export async function confirm(crew: Crew, starting: StartingRun): Promise<void> {
  const { placement } = starting
  const running = await crew.table.move(starting, runningSince(starting, stampOf(crew)))
  if (running === 'conflict') return
  const { sandboxId, provider, engine, epoch } = placement
  const scope = { specId: starting.specId, runId: starting.runId, epoch }
  await crew.facts.state(scope, { type: 'run.spawned', data: { sandboxId, provider, engine } })
  crew.log.info('run.spawned', {
    runId: starting.runId,
    specId: starting.specId,
    epoch,
    sandboxId,
    engine,
    ms: Math.round(crew.uptimes.ofMs(starting)),
  })
}

/**
 * Whether the epoch has begun. Who slept between record and fence may have been replaced meanwhile: the fence is
 * appended only where nothing was said of the spec since the record was found to be ours still.
 */
async function fence(crew: Crew, options: SupervisorOptions, run: StartingRun, signal: AbortSignal): Promise<boolean> {
  const turnsUpTo = await lastTurnSeq(crew.bus)
  const scope = { specId: run.specId, runId: run.runId, epoch: run.placement.epoch }
  const data = { owner: options.me, turnsUpTo }
  for (;;) {
    const expectLastOfSpec = crew.ledger.lastSeqOf(run.specId)
    if (!(await crew.table.isCurrent(run))) return false
    try {
      const seq = await crew.facts.state(scope, { type: 'run.fenced', data }, { signal, expectLastOfSpec })
      await crew.ledger.caughtUp(seq, signal)
      return true
    } catch (error) {
      if (!(error instanceof SpecfleetError) || error.code !== 'bus.conflict') throw error
      const { view } = await consultLog(crew, run, signal)
      // What came in between is that very fence, stored when the server died with the answer.
      if (view?.epoch === run.placement.epoch && view.owner === options.me) return true
    }
  }
}

function resumeFrom(crew: Crew, run: ActiveRun): ResumePoint {
  const point = resumePoint(knownNow(crew, run).spec, run.runId)
  if (point === undefined) throw new SpecfleetError('internal', `the log does not know run ${run.runId}`)
  return point
}

type Birth = {
  readonly creds: string
  readonly limits: Limits
  readonly expiresAt: Date
  readonly context: PhaseContext | undefined
}

async function create(
  crew: Crew,
  options: SupervisorOptions,
  { provider, sandboxes }: Site,
  run: StartingRun,
  { creds, limits, expiresAt, context }: Birth,
  signal: AbortSignal,
): Promise<Created> {
  const { epoch, sandboxId } = run.placement
  const birth = birthOf(run, epoch, resumeFrom(crew, run), context, options)
  const env = writeSandboxEnv({ ...birth, BUS_CREDS_B64: Buffer.from(creds).toString('base64') })
  const labels = labelsOf(options, run, epoch, expiresAt)
  const image = imageOf(options.policy, run.task)
  if (!mayHaveImage(options.policy, run.task)) return notAllowed(`image "${image}" is not allowed any more`)
  const request = { id: sandboxId, labels, env, limits, ...(image === undefined ? {} : { image }) }
  const created = await createOrFail(provider, request, signal)
  if (created.kind === 'running') sandboxes.made({ id: sandboxId, labels, state: { kind: 'running' } })
  return created
}

const notAllowed = (message: string): Created => ({
  ...{ kind: 'failed', code: 'task.not-allowed', message, retryable: false },
})

/** An engine that throws has failed like one that says so: the cause is written down. */
async function createOrFail(provider: SandboxProvider, request: SandboxRequest, signal: AbortSignal): Promise<Created> {
  try {
    return await provider.create(request, signal)
  } catch (thrown) {
    signal.throwIfAborted()
    const { code, message } = toSpecfleetError(thrown)
    return { kind: 'failed', code, message, retryable: true }
  }
}

const labelsOf = ({ fleet }: SupervisorOptions, run: StartingRun, epoch: Epoch, expiresAt: Date): Labels => ({
  fleet,
  specId: run.specId,
  runId: run.runId,
  epoch,
  expiresAt: expiresAt.toISOString(),
})

/** Of the minutes of the whole run, those that earlier epochs used are gone. */
function limitsOf(run: ActiveRun, options: SupervisorOptions): Limits {
  const limits = limitsFor(options.policy, options.limits, run.task)
  const { minutes } = run.task.budget
  if (minutes === undefined) return limits
  return { ...limits, wallClockMinutes: Math.min(limits.wallClockMinutes, minutes - run.spentMs / 60_000) }
}

/** Less time than this is not worth a sandbox. */
const LEAST_MINUTES = 1 / 60

/** The log says that the time is spent; what it then asks of the run is what follows. */
async function outOfTime(crew: Crew, run: ClaimedRun, signal: AbortSignal): Promise<LogKnowledge> {
  const scope = { specId: run.specId, runId: run.runId, epoch: run.epoch }
  const data = { limit: 'minutes', used: run.spentMs / 60_000 } as const
  const seq = await crew.facts.state(scope, { type: 'budget.exhausted', data }, { signal })
  await crew.ledger.caughtUp(seq, signal)
  return knownNow(crew, run)
}

const stampOf = (crew: Crew) => ({ now: crew.clock.now(), foldedTo: crew.ledger.foldedTo })
