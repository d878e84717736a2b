import {
  addUsage,
  decodePhaseContext,
  type EarlierOutputs,
  normaliseEarlier,
  type Phase,
  type PhaseContext,
  type ResumeState,
  SpecfleetError,
  storeTurn,
  type Usage,
} from '@specfleet/shared'
import type { ConversationEnd, Means, Tally } from './agent/conversation.ts'
import { openModel } from './agent/model.ts'
import { fetchThroughDesk } from './agent/transport.ts'
import type { WorkspaceView } from './context/sections.ts'
import { type Desk, openDesk } from './desk.ts'
import type { Ending } from './ending.ts'
import type { Session } from './session.ts'
import { fillWorkspace } from './workspace.ts'

/** Everything a path needs to take a run on from where it stands. */
export type Run = {
  readonly resume: ResumeState
  /** Where the phases begin, when nothing says that some are done. */
  readonly firstPhase: Phase
  /** Outputs of earlier phases: the desk's, and where it has none, those that came with the environment. */
  readonly earlier: EarlierOutputs
  readonly workspace: WorkspaceView
  /** The whole environment of tools. */
  readonly toolEnv: Readonly<Record<string, string>>
  readonly means: Means
}

/** Asks the desk where the run stands, and fills the workspace. */
export async function prepareRun(session: Session): Promise<Run> {
  const { assignment, link, clock, life, bus, toolEnv } = session
  const desk = openDesk(bus, link.scope, clock)
  const resume = await desk.resume(life)
  const [earlier, workspace] = await Promise.all([
    earlierOutputs(assignment.context, resume, desk, life),
    fillWorkspace(resume.source, desk, { root: assignment.env.WORKSPACE, env: toolEnv, signal: life }),
  ])
  const tally = new RunTally(resume, () => clock.monotonic())
  link.standing.turn = tally.turns
  const model = openModel({
    fetch: fetchThroughDesk(desk),
    model: resume.task.model,
    clearOldToolUses: resume.upstream === 'anthropic',
    clock,
    onRetry: (attempt, reason) =>
      link.trace({
        type: 'model.retried',
        data: { turn: tally.turns + 1, attempt, reason: reason.slice(0, MAX_RETRY_REASON) },
      }),
  })
  const means: Means = {
    link,
    model,
    clock,
    tally,
    store: async (record) => {
      await storeTurn(bus, link.scope, record, { signal: life })
    },
    budget: resume.task.budget,
    free: resume.upstream === 'offline',
    labels: { model: resume.task.model, upstream: resume.upstream },
    life,
  }
  return { resume, firstPhase: assignment.env.SPEC_PHASE ?? 'explore', earlier, workspace, toolEnv, means }
}

const MAX_RETRY_REASON = 2_000

class RunTally implements Tally {
  readonly #nowMs: () => number
  readonly #startedMs: number
  readonly #minutesBefore: number
  #turns: number
  #paidTurns: number
  #usage: Usage

  constructor(resume: ResumeState, nowMs: () => number) {
    this.#nowMs = nowMs
    this.#startedMs = nowMs()
    this.#turns = resume.turnsSoFar
    this.#paidTurns = Math.max(resume.turnsSoFar, resume.usage.turns, resume.spent.turns)
    this.#minutesBefore = resume.spent.minutes
    this.#usage = resume.usage
  }

  get turns(): number {
    return this.#turns
  }

  get paidTurns(): number {
    return this.#paidTurns
  }

  get usage(): Usage {
    return this.#usage
  }

  get minutes(): number {
    return this.#minutesBefore + (this.#nowMs() - this.#startedMs) / 60_000
  }

  add(usage: Usage): void {
    this.#turns += usage.turns
    this.#paidTurns += usage.turns
    this.#usage = addUsage(this.#usage, usage)
  }
}

async function earlierOutputs(
  context: PhaseContext | undefined,
  resume: ResumeState,
  desk: Desk,
  signal: AbortSignal,
): Promise<EarlierOutputs> {
  const given = context === undefined ? {} : await contextOutputs(context, desk, signal)
  const normalised = normaliseEarlier({ ...given, ...resume.outputs })
  if (normalised.ok) return normalised.output
  const faults = normalised.faults.map(({ path, message }) => `${path}: ${message}`)
  throw new SpecfleetError('context.invalid', faults.join('; '))
}

async function contextOutputs(
  context: PhaseContext,
  desk: Desk,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  if (context.kind === 'inline') return context.outputs
  const { createHash } = await import('node:crypto')
  const bytes = new Uint8Array(await new Response(await desk.blob(context.sha256, signal)).arrayBuffer())
  const found = createHash('sha256').update(bytes).digest('hex')
  if (found !== context.sha256)
    throw new SpecfleetError('blob.corrupt', `the context ${context.sha256} came as ${found}`)
  const decoded = decodePhaseContext(Buffer.from(bytes).toString('base64'))
  if (decoded.kind === 'inline') return decoded.outputs
  throw new SpecfleetError('context.invalid', 'the blob it points to points to another')
}

/** The ending that a conversation's end means for the run, but for those that a path decides by itself. */
export function endingOf(
  end: Exclude<ConversationEnd, { kind: 'over' } | { kind: 'finished' }>,
  phase?: Phase,
): Ending {
  const at = phase === undefined ? {} : { phase }
  switch (end.kind) {
    case 'stopped':
      return { kind: 'delivered', outcome: OUTCOME_OF_STOP[end.stop.command], ...at }
    case 'budget':
    case 'failed':
      return { kind: 'delivered', outcome: end.kind, reason: end.reason, ...at }
    case 'rate-limited':
      return end
    case 'unreachable':
      return { kind: 'broken', error: new SpecfleetError('model.upstream', end.reason) }
  }
}

const OUTCOME_OF_STOP = { cancel: 'cancelled', pause: 'paused', drain: 'drained' } as const
