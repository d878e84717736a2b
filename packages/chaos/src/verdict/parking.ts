import { isDeepStrictEqual } from 'node:util'
import type { Violation } from '../trial.ts'
import type { Evidence } from './evidence.ts'
import { factLine } from './lines.ts'
import { against, unless } from './violation.ts'

/** A run is given up with the causes of all its deaths, oldest first; what was done by then is still there behind it. */
export function judgeParking({ log, tasks }: Evidence): Violation[] {
  const promise = 'parks and goes on'
  return tasks.flatMap(({ taskId }) => {
    const ofRun = log.filter(({ fact }) => fact?.runId === taskId)
    return ofRun.flatMap((entry, at) => {
      if (entry.fact?.type !== 'run.parked') return []
      const deaths = ofRun.slice(0, at).filter(({ fact }) => fact?.type === 'run.lost')
      const causes = deaths.flatMap(({ fact }) => (fact?.type === 'run.lost' ? [fact.data.cause] : []))
      const done = (upTo: number) =>
        ofRun
          .slice(0, upTo)
          .filter(({ fact }) => fact?.type === 'phase.completed')
          .map(phaseOf)
      const again = ofRun
        .slice(at)
        .filter(({ fact }) => fact?.type === 'phase.completed')
        .map(phaseOf)
      const repeated = again.filter((phase) => done(at).includes(phase))
      return [
        ...unless(isDeepStrictEqual(entry.fact.data.causes, causes), () =>
          against(promise, `run ${taskId} was parked with other causes than it had`, [entry, ...deaths].map(factLine)),
        ),
        ...unless(repeated.length === 0, () =>
          against(promise, `run ${taskId} did phases again behind its parking`, repeated),
        ),
      ]
    })
  })
}

const phaseOf = ({ fact }: Evidence['log'][number]): string => (fact?.type === 'phase.completed' ? fact.data.phase : '')
