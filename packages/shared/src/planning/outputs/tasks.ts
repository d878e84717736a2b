import * as z from 'zod'
import { type Normalised, normaliseBy, WildIds, WildText, WildTexts } from './dialects.ts'
import { foldTasks } from './tasks-dialects.ts'
import { Estimate, Layer, Priority, Role, TaskType } from './vocabulary.ts'

const Blocking = z.looseObject({
  depends_on: WildIds.optional(),
  blocked_by: WildIds.optional(),
  blocks: WildIds.optional(),
})
const Dependencies = z.union([z.array(z.string()), Blocking, z.string()], {
  error: 'give a list of ids, or {depends_on[], blocks[]}',
})
const LayerInput = z.union([z.string(), z.number()])

export const TaskInput = z.looseObject({
  id: z.string().optional().describe('Unique id TSK-001, TSK-002 …'),
  title: z.string().optional().describe('What is done, in one line.'),
  description: WildText.optional().describe(
    'All that somebody needs to do it alone: objective, approach, what to look at.',
  ),
  objective: WildText.optional().describe('Other name of description; leave it out.'),
  type: z.string().optional().describe('implementation, refactor, test, documentation, configuration or research.'),
  task_type: z.string().optional().describe('Other name of type; leave it out.'),
  parent_ticket: z.string().optional().describe('Id of its ticket.'),
  ticket_id: z.string().optional().describe('Other name of parent_ticket; leave it out.'),
  layer: LayerInput.optional().describe(
    'L0 infrastructure, L1 core services, L2 features or L3 integration. Never depend on a higher layer.',
  ),
  role: z.string().optional().describe('developer, qa, devops or docs.'),
  priority: z.string().optional().describe('CRITICAL, HIGH, MEDIUM or LOW.'),
  estimate: z.string().optional().describe('S, M, L or XL.'),
  estimated_hours: z.union([z.number(), z.string()]).optional().describe('Hours, more than 0 and at most 4.'),
  files_to_create: WildTexts.optional().describe('Paths of new files, relative to the repository.'),
  files_to_modify: WildTexts.optional().describe('Paths of existing files that change.'),
  files: z
    .union([WildTexts, z.looseObject({ create: WildTexts.optional(), modify: WildTexts.optional() })])
    .optional()
    .describe('Other form of the two lists; leave it out.'),
  deliverables: WildTexts.optional().describe('Other form of files_to_create; leave it out.'),
  dependencies: Dependencies.optional().describe(
    '{depends_on: ids of tasks that come first, blocks: ids of tasks that wait}. Existing ids, no cycle.',
  ),
  depends_on: WildIds.optional().describe('Other form of dependencies; leave it out.'),
  requirements_addressed: WildIds.optional().describe('Ids of the requirements that it helps to meet.'),
  requirements: WildIds.optional().describe('Other name of requirements_addressed; leave it out.'),
  acceptance_criteria: WildTexts.optional().describe('Outcomes that a test can observe.'),
  validation: WildTexts.optional().describe('Commands that prove it, run at the root of the repository.'),
  validation_commands: WildTexts.optional().describe('Other name of validation; leave it out.'),
  verification_command: z.string().optional().describe('Other form of validation; leave it out.'),
})
export type TaskInput = z.infer<typeof TaskInput>

export const TicketInput = z.looseObject({
  id: z.string().optional().describe('Unique id TKT-001, TKT-002 …'),
  title: z.string().optional().describe('The outcome, in one line.'),
  description: WildText.optional(),
  priority: z.string().optional().describe('CRITICAL, HIGH, MEDIUM or LOW.'),
  estimate: z.string().optional().describe('S, M, L or XL.'),
  layer: LayerInput.optional().describe('Layer of its tasks, where they share one.'),
  tasks: z
    .array(z.union([z.string(), TaskInput]))
    .optional()
    .describe('Ids of its tasks.'),
  requirements: WildIds.optional().describe('Ids of the requirements that it meets.'),
  acceptance_criteria: WildTexts.optional(),
  dependencies: Dependencies.optional().describe(
    '{blocked_by: ids of tickets that come first, blocks: ids of tickets that wait}.',
  ),
})
export type TicketInput = z.infer<typeof TicketInput>

/** What a model hands in for the tasks phase. */
export const TasksInput = z.looseObject({
  feature_name: z.string().optional().describe('Name of the feature in kebab-case.'),
  feature: z.string().optional().describe('Other name of feature_name; leave it out.'),
  tickets: z.array(TicketInput).optional().describe('Groups of tasks, one for each component or capability.'),
  tasks: z
    .array(TaskInput)
    .optional()
    .describe('Every unit of work, small enough for one sitting. Every requirement needs a task.'),
  total_estimated_hours: z.union([z.number(), z.string()]).optional().describe('Sum of the hours of all tasks.'),
  critical_path: z.array(z.string()).optional().describe('Ids of the longest chain of dependent tasks, first to last.'),
  dependency_graph: z
    .looseObject({})
    .optional()
    .describe('Other form of dependencies, {task id: ids it depends on}; leave it out.'),
  summary: WildText.optional(),
})
export type TasksInput = z.infer<typeof TasksInput>

export const Task = z.object({
  id: z.string().min(1),
  title: z.string(),
  description: z.string(),
  type: TaskType,
  /** `null` where it belongs to no ticket. */
  ticketId: z.string().nullable(),
  /** Its own, else its ticket's; `null` where neither says, which a gate refuses. */
  layer: Layer.nullable(),
  role: Role,
  priority: Priority,
  /** Paths relative to the root of the repository. */
  files: z.object({ create: z.array(z.string()), modify: z.array(z.string()) }),
  /** Ids of tasks that must be done first. */
  dependsOn: z.array(z.string()),
  /** Its own, else its ticket's. */
  requirements: z.array(z.string()),
  acceptanceCriteria: z.array(z.string()),
  /** Hours; from the size where only that is given, 0 where nothing is. */
  estimateHours: z.number().min(0),
  /** Shell commands, run at the root of the repository. */
  validation: z.array(z.string()),
})
export type Task = z.infer<typeof Task>

export const Ticket = z.object({
  id: z.string().min(1),
  title: z.string(),
  description: z.string(),
  priority: Priority,
  estimate: Estimate.nullable(),
  layer: Layer.nullable(),
  taskIds: z.array(z.string()),
  requirements: z.array(z.string()),
  acceptanceCriteria: z.array(z.string()),
  /** Ids of tickets that must be done first. */
  dependsOn: z.array(z.string()),
})
export type Ticket = z.infer<typeof Ticket>

/** The work, normalised. */
export const TasksOutput = z.object({
  v: z.literal(1),
  featureName: z.string(),
  tickets: z.array(Ticket),
  tasks: z.array(Task),
  /** As claimed by whoever planned; `computeSync` computes the true ones. */
  totalEstimatedHours: z.number().nullable(),
  criticalPath: z.array(z.string()),
  summary: z.string(),
})
export type TasksOutput = z.infer<typeof TasksOutput>

export const normaliseTasks = (value: unknown): Normalised<TasksOutput> =>
  normaliseBy(value, { input: TasksInput, output: TasksOutput, listField: 'tasks', fold: foldTasks })
