import type { DeathCause, ExitReport } from '@specfleet/shared'
import { causeOfExit, limitOf } from '@specfleet/shared'
import type { Evidence } from './world.ts'

/** What the engine has of an incarnation that is no more. */
export type Remains = {
  readonly exit: ExitReport
  /** Whether we ended it; else it had ended by itself. */
  readonly byForce: boolean
}

/** What we hold against an incarnation that may still live. */
export function verdictOf(evidence: Evidence): DeathCause {
  if (evidence.kind === 'condemned') return evidence.cause
  return evidence.kind === 'overdue' ? { kind: 'cancelled' } : { kind: 'killed' }
}

/**
 * Why an incarnation died. One that ended by itself before we came knows better than our verdict; of one that
 * had only fallen silent the engine may know why: a limit that it ran into.
 */
export function causeOfDeath(evidence: Evidence, remains: Remains | undefined): DeathCause {
  if (remains === undefined) return verdictOf(evidence)
  if (!remains.byForce) return causeOfExit(remains.exit)
  const verdict = verdictOf(evidence)
  return verdict.kind === 'lost-heartbeat' ? (limitOf(remains.exit) ?? verdict) : verdict
}
