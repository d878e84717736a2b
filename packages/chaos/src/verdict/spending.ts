import { paidTwice } from '../../../testkit/src/gated-model.ts'
import type { Violation } from '../trial.ts'
import type { Disturbance, Evidence } from './evidence.ts'
import { against, unless } from './violation.ts'

/** Calls that were made again, by spec; a plain prompt names none. */
export function paidAgain({ calls }: Pick<Evidence, 'calls'>): ReadonlyMap<string, number> {
  const specs = new Set(calls.map(({ specId }) => specId))
  return new Map([...specs].map((spec) => [spec, paidTwice(calls.filter(({ specId }) => specId === spec))]))
}

/** Every run pays at most one turn again for each blow, and none for nothing. */
export function judgeSpending(evidence: Evidence, { blows }: Disturbance): Violation[] {
  return [...paidAgain(evidence)].flatMap(([spec, again]) =>
    unless(again <= blows, () => {
      const calls = evidence.calls
        .filter(({ specId }) => specId === spec)
        .map(({ fingerprint }) => fingerprint.slice(0, 12))
      const name = spec === '' ? 'a plain prompt' : `spec ${spec}`
      const reasons = evidence.retries.filter(({ specId }) => specId === spec).map(({ reason }) => `again: ${reason}`)
      const lines = [calls.join(' '), ...reasons]
      return against('one turn a crash', `${name} paid ${again} turns again, for ${blows} crashes`, lines)
    }),
  )
}
