import { isDeepStrictEqual } from 'node:util'
import type { Violation } from '../trial.ts'
import type { Heard } from '../world/chronicle.ts'
import type { Evidence } from './evidence.ts'
import { factLine } from './lines.ts'
import { against, unless } from './violation.ts'

type OfRun = { readonly runId: string; readonly log: readonly Heard[] }
const runsOf = ({ tasks, log }: Evidence): OfRun[] =>
  tasks.map(({ taskId }) => ({ runId: taskId, log: log.filter(({ subject }) => subject.split('.')[3] === taskId) }))

/** Deaths, attempts and what was spent before are in the state and the record as the history has them. */
export function judgeCarriedOver(evidence: Evidence): Violation[] {
  return runsOf(evidence).flatMap(({ runId, log }) => {
    const record = evidence.records.get(runId)
    const view = [...evidence.states.values()].flatMap(({ runs }) => runs).find((run) => run.runId === runId)
    const causes = log.flatMap(({ fact }) => (fact?.type === 'run.lost' ? [fact.data.cause] : []))
    const epochs = log.filter(({ fact }) => fact?.type === 'run.fenced').map(({ fact }) => fact?.epoch)
    // One is left out where its owner died before its fence was in the log.
    const rises = epochs.every((epoch, at) => at === 0 || (epoch ?? 0) > (epochs[at - 1] ?? 0))
    return [
      ...unless(isDeepStrictEqual(record?.causes, causes), () =>
        against('carried over', `the record of run ${runId} has other causes than its log`, [
          JSON.stringify(record?.causes),
          JSON.stringify(causes),
        ]),
      ),
      ...unless(isDeepStrictEqual(view?.causes, causes), () =>
        against('carried over', `the state of run ${runId} has other causes than its log`, [
          JSON.stringify(view?.causes),
          ...log.filter(({ fact }) => fact?.type === 'run.lost').map(factLine),
        ]),
      ),
      ...unless(rises, () => against('carried over', `the epochs of run ${runId} do not rise`, [epochs.join(', ')])),
    ]
  })
}

/** Behind a fence nothing of an earlier epoch's worker is in the log, and no epoch is fenced twice. */
export function judgeFences(evidence: Evidence): Violation[] {
  return runsOf(evidence).flatMap(({ runId, log }) => {
    let fenced = 0
    const late: string[] = []
    for (const entry of log) {
      const epoch = Number(entry.subject.split('.')[4])
      if (entry.subject.endsWith('.run.fenced')) fenced = Math.max(fenced, epoch)
      else if (entry.fact?.by === 'worker' && epoch < fenced) late.push(factLine(entry))
    }
    return unless(late.length === 0, () =>
      against('fenced', `a worker of run ${runId} was heard behind its fence`, late),
    )
  })
}
