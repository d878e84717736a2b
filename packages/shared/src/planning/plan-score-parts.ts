import type { DesignOutput } from './outputs/design.ts'
import type { RequirementsOutput } from './outputs/requirements.ts'
import type { SyncOutput } from './outputs/sync.ts'
import type { TasksOutput } from './outputs/tasks.ts'
import { average, longer, part, type ScorePart, share, upTo } from './score-parts.ts'

/** Longest a task may take; more should be two tasks. */
export const MAX_TASK_HOURS = 4

const SPEAKS_OF_DATA = /\b(?:stor|persist|record|databas|table|schema|model|entit|field|column|saved?\b|row)/i
const SPEAKS_OF_CALLS = /\b(?:api|endpoint|http|rest|route|url|request|respond|response|webhook|command)/i

/** Data models and endpoints are asked for only where the requirements speak of such things. */
export function designParts(output: DesignOutput, requirements: RequirementsOutput | undefined): ScorePart[] {
  const { components, dataModels, apiEndpoints, testingStrategy } = output
  const said = requirements?.requirements.map(({ text }) => text).join('\n')
  const asks = (words: RegExp) => said === undefined || words.test(said)
  return [
    part(
      'components',
      0.2,
      share(components, ({ description, responsibilities }) => responsibilities.length > 0 || description !== ''),
      'give every component a responsibility',
    ),
    part(
      'overview',
      0.15,
      longer(output.architectureOverview, 100),
      'describe the architecture in more than 100 characters',
    ),
    part(
      'data models',
      0.15,
      dataModels.length > 0 ? share(dataModels, ({ fields }) => fields.length > 0) : !asks(SPEAKS_OF_DATA),
      'name the data with its fields',
    ),
    part(
      'endpoints',
      0.15,
      apiEndpoints.length > 0 ? share(apiEndpoints, ({ description }) => description !== '') : !asks(SPEAKS_OF_CALLS),
      'name the endpoints or commands and describe each',
    ),
    part(
      'testing',
      0.1,
      average([testingStrategy.unit.length > 0, testingStrategy.integration.length > 0]),
      'name unit tests and integration tests',
    ),
    part('errors', 0.08, output.errorHandling.length > 0, 'say what happens when something fails'),
    part('security', 0.07, upTo(output.securityConsiderations.length, 2), 'name two or more security considerations'),
    part('feature name', 0.05, output.featureName !== '', 'name the feature'),
    part(
      'integration',
      0.05,
      output.integrationPoints.length > 0,
      'name the existing code or services that this meets',
    ),
  ]
}

/** Cycles and references are gates, so the criteria and commands of tasks take their weights. */
export function tasksParts(output: TasksOutput): ScorePart[] {
  const { tasks, tickets } = output
  const ids = new Set(tasks.map(({ id }) => id))
  const sum = tasks.reduce((hours, { estimateHours }) => hours + estimateHours, 0)
  const numbered = [...tasks.map(({ id }) => /^TSK-\d+$/.test(id)), ...tickets.map(({ id }) => /^TKT-\d+$/.test(id))]
  return [
    part(
      'structure',
      0.15,
      share(tasks, ({ title, description }) => title !== '' && description.length > 20),
      'give every task a title and a description that suffices to do it',
    ),
    part(
      'criteria',
      0.15,
      share(tasks, ({ acceptanceCriteria }) => acceptanceCriteria.length > 0),
      'give every task acceptance criteria',
    ),
    part(
      'tickets',
      0.12,
      share(tickets, ({ title, taskIds }) => title !== '' && taskIds.length > 0),
      'group the tasks in tickets that have a title and list them',
    ),
    part(
      'hours',
      0.12,
      share(tasks, ({ estimateHours }) => estimateHours > 0 && estimateHours <= MAX_TASK_HOURS),
      `estimate every task at more than 0 and at most ${MAX_TASK_HOURS} hours; split what is larger`,
    ),
    part(
      'parent',
      0.12,
      share(tasks, ({ ticketId }) => ticketId !== null),
      'give every task its ticket',
    ),
    part(
      'files',
      0.08,
      share(tasks, ({ files }) => files.create.length + files.modify.length > 0),
      'name the files of every task',
    ),
    part(
      'validation',
      0.08,
      share(tasks, ({ validation }) => validation.length > 0),
      'give every task a command that proves it',
    ),
    part('ids', 0.05, share(numbered, Boolean), 'number tasks TSK-001 … and tickets TKT-001 …'),
    part(
      'critical path',
      0.05,
      output.criticalPath.length > 0 && output.criticalPath.every((id) => ids.has(id)),
      'list the ids of the longest chain of tasks',
    ),
    part(
      'total hours',
      0.05,
      output.totalEstimatedHours !== null && Math.abs(output.totalEstimatedHours - sum) < 0.01,
      'let the total be the sum of the hours of all tasks',
    ),
    part('feature name', 0.03, output.featureName !== '', 'name the feature'),
  ]
}

export function syncParts({ coverageMatrix }: SyncOutput): ScorePart[] {
  return [
    part(
      'coverage',
      1,
      share(coverageMatrix, ({ status }) => status === 'covered'),
      'link every requirement to a component, a task and a file',
    ),
  ]
}
