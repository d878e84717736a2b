import { isDeepStrictEqual } from 'node:util'
import type { Violation } from '../trial.ts'
import type { Evidence } from './evidence.ts'
import { factLine } from './lines.ts'
import { against, unless } from './violation.ts'

/** Every submitted task settles, once, well, and leaves nothing that waits. */
export function judgeSettling({ tasks, log, records, queued, dead, refused, turns }: Evidence): Violation[] {
  const promise = 'settles once'
  const ofTask = tasks.flatMap(({ taskId, outcome }) => {
    const settled = log.filter(({ fact }) => fact?.type === 'run.settled' && fact.runId === taskId)
    const record = records.get(taskId)
    return [
      ...unless(settled.length === 1, () =>
        against(promise, `run ${taskId} settled ${settled.length} times`, settled.map(factLine)),
      ),
      ...unless(record?.state === 'settled' && record.outcome === outcome, () =>
        against(promise, `the record of run ${taskId} does not say that it is ${outcome}`, [JSON.stringify(record)]),
      ),
    ]
  })
  const known = new Set(tasks.map(({ taskId }) => taskId))
  const strangers = [...records.keys()].filter((runId) => !known.has(runId))
  return [
    ...ofTask,
    ...unless(strangers.length === 0, () => against(promise, 'there are runs that nobody submitted', strangers)),
    ...unless(queued === 0, () => against(promise, `${queued} tasks are still in the queue`)),
    ...unless(isDeepStrictEqual(dead, refused), () =>
      against(promise, `${dead.length} dead letters lie there, and were to be ${refused.length}, whole`, [
        ...dead.map((letter) => JSON.stringify(letter)),
      ]),
    ),
    ...unless(turns === 0, () => against(promise, `${turns} turns of runs that are settled are kept`)),
  ]
}
