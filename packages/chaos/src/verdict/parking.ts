import { isDeepStrictEqual } from 'node:util'
import type { Violation } from '../trial.ts'
import type { Disturbance, Evidence } from './evidence.ts'
import { factLine } from './lines.ts'
import { against, unless } from './violation.ts'

/** A run is given up behind exactly its attempts, with the causes of all its deaths, oldest first; what was done by then is still there behind it. */
export function judgeParking({ log, tasks }: Evidence, { attemptLimit }: Disturbance): Violation[] {
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
      const earlier = ofRun.slice(0, at).findLastIndex(({ fact }) => fact?.type === 'run.parked')
      const failures = ofRun.slice(earlier + 1, at).filter(isFailure).length
      return [
        ...unless(attemptLimit === undefined || failures === attemptLimit, () =>
          against(
            promise,
            `run ${taskId} was parked behind ${failures} attempts, and has ${attemptLimit}`,
            [entry, ...deaths].map(factLine),
          ),
        ),
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

/** To lose one's owner is no failure of a run, nor is an engine that is gone. */
function isFailure({ fact }: Evidence['log'][number]): boolean {
  if (fact?.type !== 'run.lost') return false
  const { cause } = fact.data
  return cause.kind === 'provider-error' ? cause.code !== 'provider.engine-gone' : cause.kind !== 'owner-lost'
}

const phaseOf = ({ fact }: Evidence['log'][number]): string => (fact?.type === 'phase.completed' ? fact.data.phase : '')
