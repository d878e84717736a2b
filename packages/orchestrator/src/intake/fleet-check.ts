import { type FactLog, SpecfleetError, type SpecState, type Task } from '@specfleet/shared'
import { requireAllowed, type Terms } from '../engines/policy.ts'
import type { Ledger } from '../ledger/ledger.ts'

export type FleetCheck = {
  readonly ledger: Ledger
  readonly factLog: FactLog
  readonly terms: Terms
}

/**
 * What is wrong with a task that its schema cannot show. Resolves with the spec it is for,
 * as far as that exists.
 * @throws SpecfleetError `provider.unknown`, `task.not-allowed`, `spec.text-missing`.
 */
export async function checkAgainstFleet(
  { ledger, factLog, terms }: FleetCheck,
  task: Task,
  signal: AbortSignal,
): Promise<SpecState | undefined> {
  requireAllowed(terms, task)
  if (task.text === undefined) await ledger.caughtUp(await factLog.lastSeq(), signal)
  const spec = ledger.spec(task.specId)
  if (task.text === undefined && (spec?.text ?? '') === '')
    throw new SpecfleetError('spec.text-missing', `spec "${task.specId}"`)
  return spec
}
