import type { Bus, FactLog, QueuedTask, SourceBundle, SourceRef, Task } from '@specfleet/shared'
import { buryMessage, runIdOf, SpecfleetError, toSpecfleetError } from '@specfleet/shared'
import { type Clock, every } from '../clock.ts'
import type { FactWriter } from '../facts.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Log } from '../log.ts'
import type { RunTable } from '../supervisor/run-table.ts'
import { claimOf, readQueuedTask } from './admission.ts'
import { checkAgainstFleet, type FleetCheck } from './fleet-check.ts'

const STILL_WORKING_MS = 5_000
/** A source that cannot be reached is tried so often before the task is given up. */
const MOST_TRIES = 5
/** Tasks whose tries are remembered; of the ones tried longest ago they are counted anew. */
const MOST_REMEMBERED = 1_000
const RETRY_MS = 10_000

type Collaborators = {
  readonly bus: Bus
  readonly table: RunTable
  readonly ledger: Ledger
  readonly factLog: FactLog
  readonly facts: FactWriter
  readonly clock: Clock
  readonly log: Log
  readonly fetchSource: (source: SourceRef, signal: AbortSignal) => Promise<SourceBundle>
}

export type ClaimOptions = Pick<FleetCheck, 'terms'>

/**
 * Turns one queued task into a run.
 *
 * 1. The claim is the record, made by compare-and-set under the run's id; the message is
 *    acknowledged behind it. A crash in between brings the message again, and the record
 *    is found.
 * 2. A task that cannot be accepted is in the dead letters, whole, before it is acknowledged.
 * 3. Whatever else goes wrong leaves the task in the queue.
 *
 * @returns a function that never throws
 */
export function openClaims(collaborators: Collaborators, options: ClaimOptions, signal: AbortSignal) {
  const { clock, log } = collaborators
  const tries = new Tries()
  return async (message: QueuedTask): Promise<void> => {
    const startedAt = clock.monotonic()
    const note = (outcome: string, fields: Record<string, unknown> = {}) =>
      log.info('task.handled', {
        seq: message.seq,
        subject: message.subject,
        outcome,
        ms: Math.round(clock.monotonic() - startedAt),
        ...fields,
      })
    using _working = every(clock, STILL_WORKING_MS, () => message.working())
    try {
      note(...(await claim(collaborators, options, message, tries, signal)))
    } catch (thrown) {
      const error = toSpecfleetError(thrown)
      note('given-back', { error })
      message.nak(signal.aborted ? 0 : RETRY_MS)
    }
  }
}

type Outcome = [outcome: string, fields: Record<string, unknown>]

async function claim(
  collaborators: Collaborators,
  options: ClaimOptions,
  message: QueuedTask,
  tries: Tries,
  signal: AbortSignal,
): Promise<Outcome> {
  const { bus, table, clock, fetchSource } = collaborators
  let task: Task | undefined
  try {
    task = readQueuedTask(message)
    // The claim itself finds a duplicate; but nothing is fetched for one.
    const known = task.source === undefined ? undefined : await table.read(runIdOf(task.taskId))
    if (known !== undefined) {
      await message.ack()
      return ['duplicate', { runId: known.runId, state: known.state }]
    }
    const spec = await checkAgainstFleet({ ...collaborators, ...options }, task, signal)
    const from = task.source ?? spec?.source
    const source = from === undefined ? null : await fetchSource(from, signal)
    const { created, run } = await table.create(claimOf(task, source, message.seq, clock.now()))
    await message.ack()
    return [created ? 'claimed' : 'duplicate', { runId: run.runId, specId: run.specId, state: run.state }]
  } catch (error) {
    if (!(error instanceof SpecfleetError) || !isRefusal(error, () => tries.add(message.seq))) throw error
    if (task !== undefined) await failWaiting(collaborators, task, error, signal)
    await buryMessage(bus, error.code.replaceAll('.', '-'), message, error.toWire())
    await message.ack()
    return ['refused', { error }]
  }
}

/** A spec that only waited for this task has nothing else to wait for: it is told why. */
async function failWaiting(
  { ledger, factLog, facts }: Collaborators,
  { specId }: Task,
  { message }: SpecfleetError,
  signal: AbortSignal,
): Promise<void> {
  await ledger.caughtUp(await factLog.lastSeq(), signal)
  const spec = ledger.spec(specId)
  if (spec?.lifecycle === 'backlog' && spec.runs.length === 0)
    await facts.state({ specId }, { type: 'spec.failed', data: { reason: message.slice(0, 4096) } }, { signal })
}

/** What the sender has to mend; anything retryable goes back to the queue until it has been tried often enough. */
function isRefusal(error: SpecfleetError, countTry: () => number): boolean {
  if (error.code === 'source.unreachable') return countTry() >= MOST_TRIES
  return (
    error.code.startsWith('task.') ||
    error.code.startsWith('spec.') ||
    error.code.startsWith('source.') ||
    error.code === 'provider.unknown'
  )
}

/**
 * How often this orchestrator tried to fetch the source of a task. How often the task was handed
 * out says something else: it is also handed out again when whoever had it died.
 */
class Tries {
  readonly #bySeq = new Map<number, number>()

  /** Counts one more, and answers with how many there are now. */
  add(seq: number): number {
    const tries = (this.#bySeq.get(seq) ?? 0) + 1
    this.#bySeq.delete(seq)
    if (tries < MOST_TRIES) this.#bySeq.set(seq, tries)
    const [oldest] = this.#bySeq.keys()
    if (this.#bySeq.size > MOST_REMEMBERED && oldest !== undefined) this.#bySeq.delete(oldest)
    return tries
  }
}
