import { evaluateGates } from './gates.ts'
import type { DesignOutput } from './outputs/design.ts'
import { distinct } from './outputs/dialects.ts'
import type { ExploreOutput } from './outputs/explore.ts'
import type { RequirementsOutput } from './outputs/requirements.ts'
import type { SyncOutput } from './outputs/sync.ts'
import type { TasksOutput } from './outputs/tasks.ts'
import type { Layer } from './outputs/vocabulary.ts'
import { blockersOf } from './plan-gates.ts'
import { planGraph } from './plan-graph.ts'
import { MAX_TASK_HOURS } from './plan-score-parts.ts'
import { analyseGraph, type GraphAnalysis } from './ticket-graph.ts'
import { filesOfTask, requirementsOfComponent, type Traceability, traceRequirements } from './traceability.ts'

/** A plan as far as the earlier phases made it; only explore may be missing. */
export interface Plan {
  specId: string
  explore?: ExploreOutput | undefined
  requirements: RequirementsOutput
  design: DesignOutput
  tasks: TasksOutput
}

const MAX_BLOCKERS = 100
const MAX_RECOMMENDATIONS = 20

/** Checks a plan and sums it up: the output of the sync phase. Pure and total; the same plan gives the same answer. */
export function computeSync(plan: Plan): SyncOutput {
  const { specId, explore, requirements, design, tasks } = plan
  const graph = analyseGraph(planGraph(tasks))
  const trace = traceRequirements(requirements, design, tasks)
  // Every gap of the matrix is a fault of some gate too.
  const blockers = distinct(blockersOf(plan))
  return {
    v: 1,
    specId,
    validationResults: [
      ...evaluateGates('requirements', requirements, {}).map((result) => ({ phase: 'requirements', ...result })),
      ...evaluateGates('design', design, { requirements }).map((result) => ({ phase: 'design', ...result })),
      ...evaluateGates('tasks', tasks, { requirements, design }).map((result) => ({ phase: 'tasks', ...result })),
    ],
    coverageMatrix: trace.rows,
    traceabilityStats: statsOf(plan, trace),
    specSummary: {
      featureName:
        tasks.featureName || design.featureName || requirements.featureName || explore?.featureSummary.name || '',
      requirements: requirements.requirements.length,
      components: design.components.length,
      tickets: tasks.tickets.length,
      tasks: tasks.tasks.length,
      totalEstimatedHours: hoursOf(tasks),
      filesToCreate: distinct(tasks.tasks.flatMap(({ files }) => files.create)).length,
      filesToModify: distinct(tasks.tasks.flatMap(({ files }) => files.modify)).length,
      tasksByLayer: tasksByLayer(tasks),
    },
    ready: blockers.length === 0,
    dependencyAnalysis: {
      cycles: graph.cycles,
      waves: graph.waves,
      criticalPath: graph.criticalPath,
      criticalPathHours: graph.criticalPathHours,
      overlaps: graph.overlaps,
      overlapsTruncated: graph.overlapsTruncated,
    },
    blockers: bounded(blockers, MAX_BLOCKERS),
    recommendations: bounded(recommendationsOf(plan, graph), MAX_RECOMMENDATIONS),
  }
}

const bounded = (lines: readonly string[], limit: number): string[] =>
  lines.length > limit ? [...lines.slice(0, limit), `… and ${lines.length - limit} more`] : [...lines]

const hoursOf = ({ tasks }: TasksOutput): number => tasks.reduce((sum, { estimateHours }) => sum + estimateHours, 0)

function tasksByLayer({ tasks }: TasksOutput): Record<Layer, number> {
  const counts: Record<Layer, number> = { L0: 0, L1: 0, L2: 0, L3: 0 }
  for (const { layer } of tasks) if (layer !== null) counts[layer]++
  return counts
}

function statsOf({ requirements, design, tasks }: Plan, { rows }: Traceability): SyncOutput['traceabilityStats'] {
  const ids = new Set(requirements.requirements.map(({ id }) => id))
  const withTasks = new Set(rows.filter((row) => row.tasks.length > 0).flatMap((row) => row.components))
  const counted = (status: string) => rows.filter((row) => row.status === status).length
  return {
    requirements: {
      total: rows.length,
      covered: counted('covered'),
      partial: counted('partial'),
      missing: counted('missing'),
      coveragePercent: rows.length === 0 ? 0 : Math.round((1_000 * counted('covered')) / rows.length) / 10,
    },
    components: {
      total: design.components.length,
      withRequirements: design.components.filter((component) =>
        requirementsOfComponent(component, ids).some((id) => ids.has(id)),
      ).length,
      withTasks: design.components.filter(({ name }) => withTasks.has(name)).length,
    },
    tickets: {
      total: tasks.tickets.length,
      withTasks: tasks.tickets.filter(({ taskIds }) => taskIds.length > 0).length,
    },
    tasks: {
      total: tasks.tasks.length,
      withTicket: tasks.tasks.filter(({ ticketId }) => ticketId !== null).length,
      withRequirements: tasks.tasks.filter((task) => task.requirements.length > 0).length,
      withFiles: tasks.tasks.filter((task) => filesOfTask(task).length > 0).length,
    },
  }
}

/** What a person may want to mend, though nothing forbids to go on. */
function recommendationsOf({ requirements, design, tasks }: Plan, graph: GraphAnalysis): string[] {
  const ids = new Set(requirements.requirements.map(({ id }) => id))
  const claimed = tasks.totalEstimatedHours
  return [
    ...graph.overlaps.map(({ file, tasks: [a, b] }) => `${a} and ${b} both write ${file}: let one depend on the other`),
    ...tasks.tasks
      .filter(({ estimateHours }) => estimateHours > MAX_TASK_HOURS)
      .map(({ id, estimateHours }) => `${id} takes ${estimateHours} hours: split it`),
    ...tasks.tasks.filter(({ estimateHours }) => estimateHours === 0).map(({ id }) => `${id} has no estimate`),
    ...tasks.tasks
      .filter(({ validation }) => validation.length === 0)
      .map(({ id }) => `${id} has no command that proves it`),
    ...tasks.tasks.filter((task) => task.requirements.length === 0).map(({ id }) => `${id} serves no requirement`),
    ...design.components
      .filter((component) => requirementsOfComponent(component, ids).length === 0)
      .map(({ name }) => `${name} addresses no requirement`),
    ...(claimed !== null && Math.abs(claimed - hoursOf(tasks)) >= 0.01
      ? [`the plan claims ${claimed} hours, its tasks add up to ${hoursOf(tasks)}`]
      : []),
  ]
}
