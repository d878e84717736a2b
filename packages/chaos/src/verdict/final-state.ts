import { isDeepStrictEqual } from 'node:util'
import { recordsOf, type SpecState } from '@specfleet/shared'
import type { Violation } from '../trial.ts'
import type { Disturbance, Evidence } from './evidence.ts'
import { against, unless } from './violation.ts'

/** What an undisturbed run of the same seed came to, and nothing else. */
export function judgeFinalState(evidence: Evidence, calm: Evidence, { toldToModel }: Disturbance): Violation[] {
  return evidence.tasks.flatMap(({ specId }) => {
    const all = differences(endOf(evidence, specId), endOf(calm, specId))
    const differing = toldToModel ? all.filter((each) => !comesOfReading(each)) : all
    return unless(differing.length === 0, () =>
      against('same final state', `spec ${specId} differs from the undisturbed run`, differing),
    )
  })
}

/**
 * How much the model read and said, and what it found out by reading: a tool that answers otherwise may show it less
 * of a source. What is planned from the text of the spec stays the same.
 */
export const comesOfReading = (difference: string): boolean =>
  /usage\.(inputTokens|outputTokens|usd): /.test(difference) || /^results\.explore\.output\./.test(difference)

/** Tasks have ids of their own in every world. */
function endOf({ tasks, states }: Evidence, specId: string): unknown {
  const state = states.get(specId)
  const text = JSON.stringify(state === undefined ? 'no state' : essenceOf(state))
  return JSON.parse(tasks.reduce((known, task) => known.replaceAll(task.taskId, `task of ${task.specId}`), text))
}

/** A spec's state without when, by which epoch and at which place in the log. */
export function essenceOf(state: SpecState): Record<string, unknown> {
  const { requirements, criteria, components, specTasks } = recordsOf(state)
  return {
    lifecycle: state.lifecycle,
    text: state.text,
    revision: state.revision,
    results: mapValues(state.results, ({ output, score, attempts, usage, runId }) => ({
      output,
      score,
      attempts,
      usage,
      runId,
    })),
    requirements,
    criteria,
    components,
    specTasks,
    tickets: state.tickets,
    approvals: Object.keys(state.approvals),
    submissions: state.submissions,
    refused: state.refused.count,
    usage: state.usage,
    runs: state.runs.map(({ runId, path, lastTurn, settled, usage, exhausted }) => ({
      runId,
      path,
      lastTurn,
      settled,
      usage,
      exhausted,
    })),
  }
}

const mapValues = <T>(
  record: Readonly<Record<string, T | undefined>>,
  map: (value: T) => unknown,
): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, value === undefined ? value : map(value)]))

const LONGEST = 300

/** `path: is …, was to be …`, of the innermost that differ. */
export function differences(is: unknown, wanted: unknown, path = ''): string[] {
  if (isDeepStrictEqual(is, wanted)) return []
  if (!isRecord(is) || !isRecord(wanted)) return [`${path}: is ${text(is)}, was to be ${text(wanted)}`]
  const keys = new Set([...Object.keys(is), ...Object.keys(wanted)])
  return [...keys].flatMap((key) => differences(is[key], wanted[key], path === '' ? key : `${path}.${key}`))
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null
const text = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, LONGEST)
