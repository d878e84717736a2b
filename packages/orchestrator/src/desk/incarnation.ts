import type { PlacedRun, RunRecord } from '@specfleet/shared'
import { Epoch, isPlaced, parseIncarnation, RunId, SpecfleetError } from '@specfleet/shared'
import type { Incarnation } from '../ledger/refusals.ts'
import type { RunTable } from '../supervisor/run-table.ts'

/**
 * The run whose living incarnation asks. The subject names it: the server lets nobody else
 * publish there. Only the epoch that the record has now is served; where our copy of the
 * record says no, the bus is asked, since the record may have moved on a moment ago.
 * @throws SpecfleetError `desk.forbidden`.
 */
export async function livingRun(table: Pick<RunTable, 'get' | 'read'>, subject: string): Promise<PlacedRun> {
  const asked = parseIncarnation(subject)
  const runId = RunId.safeParse(asked?.runId)
  if (asked === undefined || !runId.success) throw new SpecfleetError('desk.forbidden', subject)
  const isIt = (run: RunRecord | undefined): run is PlacedRun =>
    run !== undefined && isPlaced(run) && run.placement.epoch === asked.epoch
  const known = table.get(runId.data)
  if (isIt(known)) return known
  const current = await table.read(runId.data)
  if (isIt(current)) return current
  throw new SpecfleetError('desk.forbidden', `epoch ${asked.epoch} of run ${asked.runId} is not alive`)
}

/** Whose a subject of the desk is, as far as we know: also when it is alive no more. */
export function incarnationOf(table: Pick<RunTable, 'get'>, subject: string): Incarnation | undefined {
  const asked = parseIncarnation(subject)
  const runId = RunId.safeParse(asked?.runId)
  const epoch = Epoch.safeParse(asked?.epoch)
  if (!runId.success || !epoch.success) return undefined
  const run = table.get(runId.data)
  return run === undefined ? undefined : { specId: run.specId, runId: run.runId, epoch: epoch.data }
}

/** Aborts when the incarnation is no longer the one its record speaks of: nobody waits for an answer then. */
export function lifeOf(table: Pick<RunTable, 'get' | 'changes'>, run: PlacedRun): Disposable & { signal: AbortSignal } {
  const end = new AbortController()
  const look = () => {
    const now = table.get(run.runId)
    const lives = now !== undefined && isPlaced(now) && now.placement.epoch === run.placement.epoch
    if (!lives)
      end.abort(new SpecfleetError('desk.forbidden', `epoch ${run.placement.epoch} of ${run.runId} has ended`))
  }
  const listener = table.changes.on((runId) => {
    if (runId === run.runId) look()
  })
  look()
  return { signal: end.signal, [Symbol.dispose]: () => listener[Symbol.dispose]() }
}
