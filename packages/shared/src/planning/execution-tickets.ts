import * as z from 'zod'
import { TicketId } from '../contract/ids.ts'
import { groupByEach } from './grouping.ts'
import type { DesignOutput } from './outputs/design.ts'
import { distinct } from './outputs/dialects.ts'
import type { Task, TasksOutput } from './outputs/tasks.ts'
import { Layer, Priority, Role, TaskType } from './outputs/vocabulary.ts'
import { dependenciesByTask } from './plan-graph.ts'
import { ticketIdOf } from './ticket-ids.ts'
import { filesOfTask, requirementsOfComponent } from './traceability.ts'

/** One unit of execution: exactly one for each task of a plan. */
export const ExecutionTicket = z.object({
  ticketId: TicketId,
  /** The task's id in the plan. */
  localId: z.string(),
  /** The plan's ticket that groups it. */
  group: z.string().nullable(),
  title: z.string(),
  description: z.string(),
  type: TaskType,
  layer: Layer,
  role: Role,
  priority: Priority,
  /** Ids of execution tickets that must be done first. */
  dependsOn: z.array(TicketId),
  files: z.object({ create: z.array(z.string()), modify: z.array(z.string()) }),
  requirements: z.array(z.string()),
  /** Names of the components that it builds or changes. */
  components: z.array(z.string()),
  acceptanceCriteria: z.array(z.string()),
  /** Shell commands that must pass, run at the root of the repository. */
  validation: z.array(z.string()),
  estimateHours: z.number(),
})
export type ExecutionTicket = z.infer<typeof ExecutionTicket>

/**
 * The execution tickets of a plan whose gates hold, in the order of its tasks. Their ids
 * follow from spec and task alone, so deriving them again changes nothing. A dependency
 * between the plan's tickets becomes dependencies between their tasks. Total: a reference to
 * nothing is left out and a task without a layer is taken for integration, which may build on
 * all others; the gates refuse both.
 */
export function deriveTickets(specId: string, plan: TasksOutput, design: DesignOutput): ExecutionTicket[] {
  const waitsFor = dependenciesByTask(plan)
  const componentsOf = componentFinder(plan, design)
  const tasks = new Map<string, Task>()
  for (const task of plan.tasks) if (!tasks.has(task.id)) tasks.set(task.id, task)
  const idOf = new Map([...tasks.keys()].map((localId) => [localId, ticketIdOf(specId, localId)]))
  return [...tasks.values()].map((task) => ({
    ticketId: idOf.get(task.id) ?? ticketIdOf(specId, task.id),
    localId: task.id,
    group: task.ticketId,
    title: task.title,
    description: task.description,
    type: task.type,
    layer: task.layer ?? 'L3',
    role: task.role,
    priority: task.priority,
    dependsOn: (waitsFor.get(task.id) ?? []).flatMap((id) => idOf.get(id) ?? []),
    files: task.files,
    requirements: task.requirements,
    components: componentsOf(task),
    acceptanceCriteria: task.acceptanceCriteria,
    validation: task.validation,
    estimateHours: task.estimateHours,
  }))
}

/** A task works on the components whose files it writes, else on those that address its requirements. */
function componentFinder({ tasks }: TasksOutput, { components }: DesignOutput): (task: Task) => string[] {
  const ids = new Set(tasks.flatMap(({ requirements }) => requirements))
  const byFile = groupByEach(components, ({ filePath }) => (filePath === '' ? [] : [filePath]))
  const byRequirement = groupByEach(components, (component) => requirementsOfComponent(component, ids))
  return (task) => {
    const touched = filesOfTask(task).flatMap((path) => byFile.get(path) ?? [])
    const serving = task.requirements.flatMap((id) => byRequirement.get(id) ?? [])
    return distinct((touched.length > 0 ? touched : serving).map(({ name }) => name))
  }
}
