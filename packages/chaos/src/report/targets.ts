import type { VictimName } from '../world/victim.ts'
import type { Spread, Summary, VictimSummary } from './summary.ts'

/** What recovery may take. */
export type Target = {
  /** As it is written in the table. */
  readonly text: string
  isMet(recovery: Spread, coldStart: Spread): boolean
}

/**
 * A worker's death is seen as an event, so its successor is there within little more than a start. Orchestrators
 * count as dead after 5 s without a sign of life, be they killed or frozen; a new one takes its runs within 2 s of
 * being up.
 */
export const TARGETS: Partial<Record<VictimName, Target>> = {
  worker: {
    text: 'p50 ≤ 1.5 ×, p99 ≤ 4 × a cold start',
    isMet: ({ p50, p99 }, cold) => p50 <= 1.5 * cold.p50 && p99 <= 4 * cold.p50,
  },
  orchestrator: { text: '≤ 7 s', isMet: ({ most }) => most <= 7_000 },
  'zombie-orchestrator': { text: '≤ 7 s', isMet: ({ most }) => most <= 7_000 },
  orchestrators: { text: '≤ 2 s', isMet: ({ most }) => most <= 2_000 },
}

/** `undefined` where nothing is promised, or nothing was measured. */
export function isOnTarget(
  { victim, recovery }: VictimSummary,
  { coldStart }: Pick<Summary, 'coldStart'>,
): boolean | undefined {
  const target = TARGETS[victim]
  if (target === undefined || recovery === undefined || coldStart === undefined) return undefined
  return target.isMet(recovery, coldStart)
}
