import {
  computeSync,
  type EarlierOutputs,
  type NewFact,
  NO_USAGE,
  SpecfleetError,
  type SpecId,
} from '@specfleet/shared'
import { judge } from './judge.ts'

/**
 * Computes the sync phase and judges it, as the facts that say so. It costs no turn and comes out the
 * same each time, so it has one attempt.
 */
export function syncFacts(
  specId: SpecId,
  { explore, requirements, design, tasks }: EarlierOutputs,
  turn: number,
): { facts: NewFact[]; passed: boolean; feedback: string } {
  if (requirements === undefined || design === undefined || tasks === undefined) {
    throw new SpecfleetError('context.invalid', 'sync needs the outputs of requirements, design and tasks')
  }
  const about = { phase: 'sync' as const, attempt: 1, turn }
  const computed = computeSync({ specId, explore, requirements, design, tasks })
  const { output, passed, score, gates, feedback } = judge(
    'sync',
    computed,
    { explore, requirements, design, tasks },
    () => true,
  )
  const facts: NewFact[] = [{ type: 'phase.evaluated', data: { ...about, passed, score, gates, feedback } }]
  facts.push(
    passed
      ? { type: 'phase.completed', data: { ...about, output, score, usage: NO_USAGE } }
      : { type: 'phase.failed', data: { phase: 'sync', attempts: 1, turn, reason: feedback, usage: NO_USAGE } },
  )
  return { facts, passed, feedback }
}
