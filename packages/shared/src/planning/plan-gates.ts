import { testableCriteria, untestable } from './criteria.ts'
import { parseEars } from './ears.ts'
import type { DesignOutput } from './outputs/design.ts'
import { staysInside } from './outputs/paths.ts'
import type { EarlierOutputs } from './outputs/phase-outputs.ts'
import type { Requirement, RequirementsOutput } from './outputs/requirements.ts'
import type { Task, TasksOutput } from './outputs/tasks.ts'
import { planGraph } from './plan-graph.ts'
import { analyseGraph } from './ticket-graph.ts'
import { filesOfTask, traceRequirements } from './traceability.ts'

/** Gate → what is wrong; a gate that holds has an empty list. */
type Faults = Record<string, string[]>

/** A requirement needs this many criteria that can be tested. */
export const MIN_CRITERIA = 2

export function requirementsGates({ requirements }: RequirementsOutput): Faults {
  const ids = new Set(requirements.map(({ id }) => id))
  return {
    'has-requirements':
      requirements.length > 0
        ? []
        : [
            'there is no requirement: the spec must say what the system does, in headings, bullets or sentences with shall, must or should',
          ],
    'unique-ids': repeated(requirements.map(({ id }) => id)).map(
      (id) => `${id} is the id of more than one requirement`,
    ),
    'valid-ears': requirements.flatMap(earsFaults),
    'testable-criteria': requirements.flatMap(criteriaFaults),
    'references-resolve': requirements.flatMap(({ id, dependsOn }) =>
      // Prose may stand among the dependencies; what is written as an id must be one.
      dependsOn
        .filter((other) => /^REQ-\S+$/.test(other) && !ids.has(other))
        .map((other) => `${id} depends on ${other}, which does not exist`),
    ),
  }
}

function earsFaults({ id, text }: Requirement): string[] {
  const result = parseEars(text)
  if (result.ok) return []
  return result.faults.map(({ reason, offset, length }) => {
    const at = length > 0 ? `'${text.slice(offset, offset + length)}' at ${offset}` : `at ${offset}`
    return `${id}: ${reason} (${at} of "${clip(text)}")`
  })
}

function criteriaFaults({ id, acceptanceCriteria }: Requirement): string[] {
  const found = testableCriteria(acceptanceCriteria).length
  if (found >= MIN_CRITERIA) return []
  const reasons = acceptanceCriteria.flatMap((criterion) => untestable(criterion) ?? [])
  const why = reasons.length > 0 ? `: one ${reasons.join('; one ')}` : ''
  return [`${id} has ${found} testable ${found === 1 ? 'criterion' : 'criteria'}, ${MIN_CRITERIA} are needed${why}`]
}

export function designGates(design: DesignOutput, requirements: RequirementsOutput | undefined): Faults {
  if (requirements === undefined) return { 'requirements-addressed': ['the requirements are not given'] }
  const ids = new Set(requirements.requirements.map(({ id }) => id))
  const rows = traceRequirements(requirements, design, undefined).rows
  return {
    'has-components': design.components.length > 0 ? [] : ['there is no component'],
    'unique-names': repeated(design.components.map(({ name }) => name)).map(
      (name) => `${name} is the name of more than one component`,
    ),
    'references-resolve': design.components.flatMap((component) =>
      component.requirements
        .filter((id) => !ids.has(id))
        .map((id) => `${component.name} addresses ${id}, which does not exist`),
    ),
    'requirements-addressed': rows
      .filter(({ components }) => components.length === 0)
      .map(({ requirementId }) => `${requirementId} is addressed by no component: list it in the requirements of one`),
  }
}

export function tasksGates(tasks: TasksOutput, requirements: RequirementsOutput | undefined): Faults {
  const graph = analyseGraph(planGraph(tasks))
  const rows = requirements === undefined ? [] : traceRequirements(requirements, undefined, tasks).rows
  return {
    'has-tasks': tasks.tasks.length > 0 ? [] : ['there is no task'],
    'unique-ids': repeated([...tasks.tasks, ...tasks.tickets].map(({ id }) => id)).map(
      (id) => `${id} is the id of more than one task or ticket`,
    ),
    'references-resolve': referenceFaults(tasks, requirements),
    acyclic: graph.cycles.map((cycle) => `cycle: ${[...cycle, cycle[0]].join(' → ')} (each depends on the next)`),
    layers: [
      ...tasks.tasks.filter(({ layer }) => layer === null).map(({ id }) => `${id} has no layer: give L0, L1, L2 or L3`),
      ...graph.layerFaults.map(
        ({ id, layer, dependsOn, dependsOnLayer }) =>
          `${id} (${layer}) depends on ${dependsOn} of the higher layer ${dependsOnLayer}`,
      ),
    ],
    files: tasks.tasks.flatMap(fileFaults),
    'requirements-covered':
      requirements === undefined
        ? ['the requirements are not given']
        : rows
            .filter((row) => row.tasks.length === 0)
            .map(({ requirementId }) => `${requirementId} is covered by no task`),
  }
}

function referenceFaults(plan: TasksOutput, requirements: RequirementsOutput | undefined): string[] {
  const taskIds = new Set(plan.tasks.map(({ id }) => id))
  const ticketIds = new Set(plan.tickets.map(({ id }) => id))
  const requirementIds = new Set(requirements?.requirements.map(({ id }) => id))
  const faults: string[] = []
  const check = (known: ReadonlySet<string>, ids: readonly string[], say: (id: string) => string) => {
    for (const id of ids) if (!known.has(id)) faults.push(`${say(id)}, which does not exist`)
  }
  for (const { id, dependsOn, ticketId, requirements: addressed } of plan.tasks) {
    check(taskIds, dependsOn, (other) => `${id} depends on ${other}`)
    if (ticketId !== null) check(ticketIds, [ticketId], (other) => `${id} belongs to ${other}`)
    if (requirements !== undefined) check(requirementIds, addressed, (other) => `${id} addresses ${other}`)
  }
  for (const { id, dependsOn, taskIds: listed, requirements: addressed } of plan.tickets) {
    check(ticketIds, dependsOn, (other) => `${id} waits for ${other}`)
    check(taskIds, listed, (other) => `${id} lists ${other}`)
    if (requirements !== undefined) check(requirementIds, addressed, (other) => `${id} meets ${other}`)
  }
  return faults
}

function fileFaults(task: Task): string[] {
  const files = filesOfTask(task)
  if (files.length === 0) return [`${task.id} names no file: list what it creates or modifies`]
  return files
    .filter((path) => !staysInside(path))
    .map((path) => `${task.id} names ${path}, which is not a path inside the repository`)
}

/** Why a plan cannot be executed: every fault of its gates, with the phase to mend. */
export function blockersOf({ requirements, design, tasks }: EarlierOutputs): string[] {
  const phases: [string, Faults][] = [
    ['requirements', requirements === undefined ? missingOutput : requirementsGates(requirements)],
    ['design', design === undefined ? missingOutput : designGates(design, requirements)],
    ['tasks', tasks === undefined ? missingOutput : tasksGates(tasks, requirements)],
  ]
  return phases.flatMap(([phase, faults]) =>
    Object.values(faults)
      .flat()
      .map((fault) => `${phase}: ${fault}`),
  )
}

const missingOutput: Faults = { output: ['has no output'] }

function repeated(ids: readonly string[]): string[] {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const id of ids) {
    if (seen.has(id)) twice.add(id)
    seen.add(id)
  }
  return [...twice]
}

const clip = (text: string): string => (text.length > 120 ? `${text.slice(0, 119)}…` : text)
