import type { Violation } from '../trial.ts'
import { factLine } from '../verdict/lines.ts'
import { against } from '../verdict/violation.ts'
import type { World } from '../world/world.ts'

const FACTS = 30
const LOG_LINES = 25

/** A trial that did not come to its end, with where everything stands. */
export function standstill({ chronicle, fleet }: World, why: unknown): Violation {
  const facts = chronicle.entries.slice(-FACTS).map(factLine)
  const records = [...chronicle.records.values()].map(({ task: _task, ...record }) => JSON.stringify(record))
  const logs = fleet.members.flatMap(({ id, isGone, log }) => [
    `── orchestrator ${id}${isGone ? ', gone' : ''} ──`,
    ...log.slice(-LOG_LINES),
  ])
  const reason = why instanceof Error ? why.message : String(why)
  return against('comes to an end', reason, [...facts, ...records, ...logs])
}
