import type { FactLog, SubmitAnswer, Task, TaskQueue } from '@specfleet/shared'
import { newTaskId, runIdOf, SpecfleetError, subjects } from '@specfleet/shared'
import { readTask } from '../intake/admission.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Sources } from '../source/source.ts'
import type { RunTable } from '../supervisor/run-table.ts'

export type SubmitDesk = {
  readonly queue: TaskQueue
  readonly table: RunTable
  readonly ledger: Ledger
  readonly factLog: FactLog
  readonly sources: Sources
  /** The one engine of this fleet that a task may ask for. */
  readonly provider: string
}

/**
 * Puts a task on the queue, or tells of the run it already has. What can be known to be
 * wrong without fetching the source is refused here.
 * @throws SpecfleetError `task.*`, `spec.*`, `source.*`, `provider.unknown`.
 */
export async function submit(desk: SubmitDesk, data: Uint8Array, signal: AbortSignal): Promise<SubmitAnswer> {
  const task = readTask(data, newTaskId)
  const runId = runIdOf(task.taskId)
  const answer = { ok: true as const, taskId: task.taskId, runId, specId: task.specId }
  const known = await desk.table.read(runId)
  if (known !== undefined) return { ...answer, specId: known.specId, state: known.state }
  await check(desk, task, signal)
  await desk.queue.publish(subjects.task(task.priority, task.kind), JSON.stringify(task), { id: task.taskId, signal })
  return { ...answer, state: 'queued' }
}

/** What is wrong with a task that its schema does not show. Intake asks the same. */
export async function check(
  { ledger, factLog, sources, provider }: Pick<SubmitDesk, 'ledger' | 'factLog' | 'sources' | 'provider'>,
  task: Task,
  signal: AbortSignal,
): Promise<void> {
  if (task.provider !== undefined && task.provider !== provider)
    throw new SpecfleetError(
      'provider.unknown',
      `the task asks for "${task.provider}", and this fleet has "${provider}"`,
    )
  if (task.text === undefined) {
    await ledger.caughtUp(await factLog.lastSeq(), signal)
    if ((ledger.spec(task.specId)?.text ?? '') === '')
      throw new SpecfleetError('spec.text-missing', `spec "${task.specId}"`)
  }
  if (task.source !== undefined) await sources.check(task.source, signal)
}
