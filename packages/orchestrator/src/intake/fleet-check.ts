import { type FactLog, SpecfleetError, type SpecState, type Task } from '@specfleet/shared'
import type { Ledger } from '../ledger/ledger.ts'

export type FleetCheck = {
  readonly ledger: Ledger
  readonly factLog: FactLog
  /** Name of the one engine of this fleet. */
  readonly provider: string
}

/**
 * What is wrong with a task that its schema cannot show. Resolves with the spec it is for,
 * as far as that exists.
 * @throws SpecfleetError `provider.unknown`, `spec.text-missing`.
 */
export async function checkAgainstFleet(
  { ledger, factLog, provider }: FleetCheck,
  task: Task,
  signal: AbortSignal,
): Promise<SpecState | undefined> {
  if (task.provider !== undefined && task.provider !== 'auto' && task.provider !== provider) {
    const detail = `the task asks for "${task.provider}", and this fleet has "${provider}"`
    throw new SpecfleetError('provider.unknown', detail)
  }
  if (task.text === undefined) await ledger.caughtUp(await factLog.lastSeq(), signal)
  const spec = ledger.spec(task.specId)
  if (task.text === undefined && (spec?.text ?? '') === '')
    throw new SpecfleetError('spec.text-missing', `spec "${task.specId}"`)
  return spec
}
