/** A real orchestrator, as a process of its own, on the stage's bus. */
import { newTaskId, openTaskQueue, type RunId, runIdOf, SpecId, subjects, type TaskInput } from '@specfleet/shared'
import { startOrchestrator } from '../../packages/cli/src/stack/orchestrator-process.ts'
import { fleetEnvironment } from './fleet-environment.ts'
import type { Stage } from './stage.ts'

export type FleetRun = {
  readonly runId: RunId
  /** From the queue's acknowledgement of the task to the worker's `ready`. */
  readonly readyMs: number
}

export type Fleet = AsyncDisposable & {
  readonly pid: number
  /** Where its engines keep what they make. */
  readonly home: string
  /** Queues a plain prompt, and resolves when its run is settled. */
  runPrompt(text: string): Promise<FleetRun>
  /** Queues a task; `onFact` hears of every fact of its run, by type. */
  run(task: TaskInput, onFact?: (type: string, runId: RunId) => void): Promise<FleetRun>
}

const LONGEST_RUN_MS = 60_000

export async function startFleet(stage: Stage, bwrap: string): Promise<Fleet> {
  await using stack = new AsyncDisposableStack()
  const env = await fleetEnvironment(stage)
  const lastLog: string[] = []
  const orchestrator = await startOrchestrator({
    env: { ...env, SPECFLEET_PROVIDER: 'process', BWRAP_PATH: bwrap, MODEL_UPSTREAM: 'offline' },
    onLog: (line) => {
      lastLog.push(line)
      if (lastLog.length > 50) lastLog.shift()
    },
    signal: new AbortController().signal,
  })
  stack.defer(async () => {
    orchestrator.kill('SIGTERM')
    await orchestrator.exited
  })
  const queue = await openTaskQueue(stage.bus)
  const run: Fleet['run'] = async (task, onFact = () => {}) => {
    const taskId = newTaskId()
    const runId = runIdOf(taskId)
    const { promise: settled, resolve, reject } = Promise.withResolvers<void>()
    let readyAt = Number.NaN
    using _listening = stage.bus.subscribe(`sf.log.${SpecId.parse(taskId)}.>`, ({ subject }) => {
      const type = subject.split('.').slice(5).join('.')
      if (type === 'run.ready') readyAt = performance.now()
      onFact(type, runId)
      if (type === 'run.settled') resolve()
    })
    await stage.bus.flush()
    const silence = setTimeout(
      () => reject(new Error(`run ${runId} never ended:\n${lastLog.join('\n')}`)),
      LONGEST_RUN_MS,
    )
    try {
      const startedAt = performance.now()
      await queue.publish(subjects.task('normal', task.kind), JSON.stringify({ ...task, taskId }))
      await settled
      return { runId, readyMs: readyAt - startedAt }
    } finally {
      clearTimeout(silence)
    }
  }
  const owned = stack.move()
  return {
    pid: orchestrator.pid,
    home: env.SPECFLEET_HOME,
    run,
    runPrompt: (text) => run({ kind: 'prompt', text }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
