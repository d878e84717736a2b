import type { FactData, Task } from '@specfleet/shared'
import { entryOf, runOf } from '@specfleet/shared'
import type { Crew } from './crew.ts'
import { consultLog } from './log-knowledge.ts'
import type { ClaimedRun } from './world.ts'

/**
 * Makes the log know a run that so far only its record knows. The claim itself is the
 * record; a crash right behind it leaves this to whoever owns the run next.
 */
export async function announce(
  crew: Pick<Crew, 'facts' | 'factLog' | 'ledger'>,
  run: ClaimedRun,
  signal: AbortSignal,
): Promise<void> {
  // Most often the run is known, and then the log need not be asked for its end.
  const known = crew.ledger.spec(run.specId)
  if (known !== undefined && runOf(known, run.runId) !== undefined) return
  const { spec, view } = await consultLog(crew, run, signal)
  const { task, specId, runId, owner } = run
  if (spec === undefined || entryOf(spec.submissions, task.taskId) === undefined)
    await crew.facts.state({ specId }, { type: 'spec.submitted', data: submissionOf(task) }, { signal })
  if (view === undefined) {
    const data = { taskId: task.taskId, kind: task.kind, owner }
    await crew.facts.state({ specId, runId }, { type: 'run.claimed', data }, { signal })
  }
}

/** What the log is told of a task. */
export function submissionOf(task: Task): FactData<'spec.submitted'> {
  const { taskId, kind, projectId, text, source, phase, context, approval, budget, submittedBy } = task
  return {
    taskId,
    kind,
    projectId,
    title: titleOf(task),
    text,
    source,
    phase,
    context,
    executionMode: task.executionConfig.executionMode,
    requireSpecSkill: task.executionConfig.requireSpecSkill,
    approval,
    budget,
    submittedBy,
  }
}

/** The task's own, or the first heading or line of its text. */
export function titleOf({ title, text, specId }: Pick<Task, 'title' | 'text' | 'specId'>): string {
  const line = text?.split('\n').find((each) => each.trim() !== '')
  return (title ?? line?.replace(/^#+\s*/, '').trim() ?? specId).slice(0, 512)
}
