/** What the bus tells of one run, with the moment at which this process heard it. */
import {
  BUCKETS,
  type Bus,
  newTaskId,
  parseFact,
  type RunId,
  RunRecord,
  runIdOf,
  SpecId,
  type TaskId,
} from '@specfleet/shared'

export type Told = {
  /** A type of fact, or `claimed`: the record by which it got a slot is on its way to the disk. */
  readonly type: string
  readonly epoch: number
  readonly data: Readonly<Record<string, unknown>>
  /** Milliseconds of this process's monotonic clock. */
  readonly at: number
}

export type RunWatch = Disposable & {
  readonly taskId: TaskId
  readonly runId: RunId
  /** Settles with the first that fits, of what was told and will be. @throws Error when it is not told for a minute */
  told(type: string, fits?: (told: Told) => boolean): Promise<Told>
}

const LONGEST_MS = 60_000

/** Watches a run that is still to be queued, as a task whose spec has the task's own id. */
export async function watchRun(bus: Bus): Promise<RunWatch> {
  const taskId = newTaskId()
  const runId = runIdOf(taskId)
  const heard: Told[] = []
  const waiting = new Set<(told: Told) => void>()
  const hear = (told: Told) => {
    heard.push(told)
    for (const listener of waiting) listener(told)
  }
  using subscriptions = new DisposableStack()
  subscriptions.use(
    bus.subscribe(`sf.log.${SpecId.parse(taskId)}.>`, (message) => {
      const at = performance.now()
      const fact = parseFact(message.json())
      if (fact.kind === 'fact') hear({ type: fact.fact.type, epoch: fact.fact.epoch, data: fact.fact.data, at })
    }),
  )
  subscriptions.use(
    bus.subscribe(`$KV.${BUCKETS.runs}.${runId}`, (message) => {
      const at = performance.now()
      const run = RunRecord.parse(message.json())
      if (run.state === 'claimed') hear({ type: 'claimed', epoch: run.epoch, data: {}, at })
    }),
  )
  await bus.flush()
  const owned = subscriptions.move()
  return {
    taskId,
    runId,
    async told(type, fits = () => true) {
      const { promise, resolve, reject } = Promise.withResolvers<Told>()
      const listen = (told: Told) => {
        if (told.type === type && fits(told)) resolve(told)
      }
      const silence = setTimeout(() => {
        const so = heard.map((told) => `${told.type} (${told.epoch})`).join(', ')
        reject(new Error(`run ${runId} was never told to be ${type}; it was: ${so}`))
      }, LONGEST_MS)
      waiting.add(listen)
      for (const told of heard) listen(told)
      try {
        return await promise
      } finally {
        clearTimeout(silence)
        waiting.delete(listen)
      }
    },
    [Symbol.dispose]: () => owned.dispose(),
  }
}
