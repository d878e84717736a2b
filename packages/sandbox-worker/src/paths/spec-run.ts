import { type EarlierOutputs, PHASES, type Phase, SpecfleetError } from '@specfleet/shared'
import type { PromptParts } from '../context/prompt.ts'
import type { Ending } from '../ending.ts'
import type { SpecConversation } from '../phases/conversation.ts'
import type { ProgressState } from '../phases/progress.ts'
import { syncFacts } from '../phases/sync.ts'
import type { Run } from '../run.ts'

/** What the two paths through the phases have in common. */

/** Phases whose outputs a phase cannot do without. */
const NEEDS: Record<Phase, readonly Phase[]> = {
  explore: [],
  requirements: [],
  design: ['requirements'],
  tasks: ['requirements', 'design'],
  sync: ['requirements', 'design', 'tasks'],
}

/**
 * Where the run goes on: where the desk says, else at the first phase from `firstPhase` on without an output.
 *
 * @throws SpecfleetError `context.invalid` when that phase lacks what it builds on
 */
export function startOf({
  resume,
  earlier,
  firstPhase,
}: Pick<Run, 'resume' | 'earlier' | 'firstPhase'>): ProgressState {
  const rest = PHASES.slice(PHASES.indexOf(firstPhase))
  const phase = resume.phase ?? rest.find((each) => earlier[each] === undefined)
  if (phase === undefined) return { phase, failedAttempts: 0, outputs: earlier }
  const missing = NEEDS[phase].filter((needed) => earlier[needed] === undefined)
  if (missing.length > 0) {
    throw new SpecfleetError(
      'context.invalid',
      `${phase} builds on ${missing.join(' and ')}, whose output is not given`,
    )
  }
  return { phase, failedAttempts: resume.failedAttempts, outputs: before(phase, earlier) }
}

const before = (phase: Phase, outputs: EarlierOutputs): EarlierOutputs =>
  Object.fromEntries(PHASES.slice(0, PHASES.indexOf(phase)).map((each) => [each, outputs[each]]))

export function promptParts({ means, resume, workspace }: Run, earlier: EarlierOutputs, phase: Phase): PromptParts {
  const { title, text } = resume.task
  const spec = { id: means.link.scope.specId, title, text }
  const parts = { spec, workspace, earlier }
  const { feedback } = resume
  // What a person said is about the phase that the resume state names, and no later one.
  return feedback === undefined || resume.phase !== phase ? parts : { ...parts, feedback: { phase, text: feedback } }
}

/** Says that work on a phase begins, or goes on, in this incarnation. */
export async function enterPhase({ means }: Run, phase: Phase, attempt: number): Promise<void> {
  means.link.standing.phase = phase
  await means.link.state({ type: 'phase.started', data: { phase, attempt, turn: means.tally.turns } })
}

/** Says that a phase failed for another reason than its evaluation. */
export async function failPhase(
  { means }: Run,
  phase: Phase,
  reason: string,
  { progress, spent }: Pick<SpecConversation, 'progress' | 'spent'>,
): Promise<void> {
  const { turns } = means.tally
  await means.link.state({
    type: 'phase.failed',
    data: { phase, attempts: progress.attempt, turn: turns, reason, usage: spent.on(phase) },
  })
}

/** The last phase, which no model works on. */
export async function finishBySync(run: Run, outputs: EarlierOutputs): Promise<Ending> {
  const { link } = run.means
  const { facts, passed, feedback } = syncFacts(link.scope.specId, outputs, run.means.tally.turns)
  await enterPhase(run, 'sync', 1)
  for (const fact of facts) await link.state(fact)
  return passed
    ? { kind: 'delivered', outcome: 'done' }
    : { kind: 'delivered', outcome: 'failed', phase: 'sync', reason: feedback }
}
