import type { SubmitAnswer, Task, TaskQueue } from '@specfleet/shared'
import { newTaskId, runIdOf, subjects } from '@specfleet/shared'
import type { FactWriter } from '../facts.ts'
import { readTask } from '../intake/admission.ts'
import { checkAgainstFleet, type FleetCheck } from '../intake/fleet-check.ts'
import type { Sources } from '../source/source.ts'
import { submissionOf } from '../supervisor/announce.ts'
import type { RunTable } from '../supervisor/run-table.ts'

export type SubmitDesk = FleetCheck & {
  readonly queue: TaskQueue
  readonly table: RunTable
  readonly sources: Sources
  readonly facts: FactWriter
}

/**
 * Puts a task on the queue, or tells of the run it already has. What can be known to be
 * wrong without fetching the source is refused here. A new spec is in the log before its
 * task is in the queue, so that it is seen while it waits; one that is there already is
 * touched by nothing until its task is claimed.
 * @throws SpecfleetError `task.*`, `spec.*`, `source.*`, `provider.unknown`.
 */
export async function submit(desk: SubmitDesk, data: Uint8Array, signal: AbortSignal): Promise<SubmitAnswer> {
  const task = readTask(data, newTaskId)
  const runId = runIdOf(task.taskId)
  const answer = { ok: true as const, taskId: task.taskId, runId, specId: task.specId }
  const known = await desk.table.read(runId)
  if (known !== undefined) return { ...answer, specId: known.specId, state: known.state }
  await checkAgainstFleet(desk, task, signal)
  if (task.source !== undefined) await desk.sources.check(task.source, signal)
  await announce(desk, task, signal)
  await desk.queue.publish(subjects.task(task.priority, task.kind), JSON.stringify(task), { id: task.taskId, signal })
  return { ...answer, state: 'queued' }
}

async function announce({ ledger, facts }: SubmitDesk, task: Task, signal: AbortSignal): Promise<void> {
  const { specId } = task
  if (ledger.spec(specId) !== undefined) return
  const seq = await facts.state({ specId }, { type: 'spec.submitted', data: submissionOf(task) }, { signal })
  await ledger.caughtUp(seq, signal)
}
