import { distinct, type Fault, idsOf, isRecord, textOf, textsOf } from './dialects.ts'
import { numberIds } from './numbering.ts'
import { cleanPath, looksLikePath } from './paths.ts'
import type { Task, TaskInput, TasksInput, TasksOutput, Ticket, TicketInput } from './tasks.ts'
import { ESTIMATE_HOURS, estimateOf, layerOf, priorityOf, roleOf, taskTypeOf } from './vocabulary.ts'

interface Edges {
  dependsOn: string[]
  blocks: string[]
}

interface Drafts<T> {
  /** In their order; ids may repeat, which a gate refuses. */
  entries: T[]
  blocks: Map<string, string[]>
}

/**
 * Joins the dialects of the tasks phase: tasks listed at the root or inside their tickets,
 * edges as `dependencies` in either form, as `depends_on` or as a `dependency_graph`, named
 * by id or by title, forwards (`depends_on`) or backwards (`blocks`).
 */
export function foldTasks(input: TasksInput): { output: TasksOutput; faults: Fault[] } {
  const faults: Fault[] = []
  const ticketIds = numberIds('TKT', input.tickets ?? [])
  const loose = collectTasks(input, ticketIds)
  const taskIds = numberIds('TSK', loose)
  const tickets = draftTickets(input.tickets ?? [], ticketIds)
  const tasks = draftTasks(loose, taskIds)
  applyGraph(input.dependency_graph, tasks, new Set(ticketIds), faults)
  turnBlocks(tasks, 'tasks', faults)
  turnBlocks(tickets, 'tickets', faults)
  linkTickets(tickets.entries, tasks.entries)
  return {
    output: {
      v: 1,
      featureName: (input.feature_name ?? input.feature ?? '').trim(),
      tickets: tickets.entries,
      tasks: tasks.entries,
      totalEstimatedHours: hoursOf(input.total_estimated_hours),
      criticalPath: idsOf(input.critical_path),
      summary: textOf(input.summary),
    },
    faults,
  }
}

/** Tasks of the root, then those written inside a ticket, which thereby have their parent. */
function collectTasks(input: TasksInput, ticketIds: readonly string[]): TaskInput[] {
  const nested = (input.tickets ?? []).flatMap(({ tasks = [] }, index) =>
    tasks.flatMap((task) =>
      typeof task === 'string' ? [] : [{ ...task, parent_ticket: task.parent_ticket ?? ticketIds[index] }],
    ),
  )
  return [...(input.tasks ?? []), ...nested]
}

function draftTickets(given: readonly TicketInput[], ids: readonly string[]): Drafts<Ticket> {
  const blocks = new Map<string, string[]>()
  const entries = given.map((ticket, index): Ticket => {
    const id = ids[index] ?? ''
    const edges = edgesOf(ticket.dependencies)
    blocks.set(id, edges.blocks)
    return {
      id,
      title: textOf(ticket.title),
      description: textOf(ticket.description),
      priority: priorityOf(ticket.priority),
      estimate: estimateOf(ticket.estimate),
      layer: layerOf(ticket.layer),
      taskIds: distinct((ticket.tasks ?? []).flatMap((task) => (typeof task === 'string' ? [task.trim()] : []))),
      requirements: idsOf(ticket.requirements),
      acceptanceCriteria: textsOf(ticket.acceptance_criteria),
      dependsOn: edges.dependsOn,
    }
  })
  return { entries: byTitle(entries, blocks), blocks }
}

function draftTasks(given: readonly TaskInput[], ids: readonly string[]): Drafts<Task> {
  const blocks = new Map<string, string[]>()
  const entries = given.map((task, index): Task => {
    const id = ids[index] ?? ''
    const edges = edgesOf(task.dependencies)
    blocks.set(id, [...(blocks.get(id) ?? []), ...edges.blocks])
    const type = taskTypeOf(task.type ?? task.task_type)
    const estimate = estimateOf(task.estimate)
    return {
      id,
      title: textOf(task.title),
      description: textOf(task.description ?? task.objective),
      type,
      ticketId: (task.parent_ticket ?? task.ticket_id ?? '').trim() || null,
      layer: layerOf(task.layer),
      role: roleOf(task.role, type),
      priority: priorityOf(task.priority),
      files: filesOf(task),
      dependsOn: distinct([...edges.dependsOn, ...idsOf(task.depends_on)]),
      requirements: distinct([...idsOf(task.requirements_addressed), ...idsOf(task.requirements)]),
      acceptanceCriteria: textsOf(task.acceptance_criteria),
      estimateHours: hoursOf(task.estimated_hours) ?? (estimate === null ? 0 : ESTIMATE_HOURS[estimate]),
      validation: distinct([task.validation, task.validation_commands, task.verification_command].flatMap(textsOf)),
    }
  })
  return { entries: byTitle(entries, blocks), blocks }
}

function edgesOf(dependencies: TaskInput['dependencies']): Edges {
  if (dependencies === undefined) return { dependsOn: [], blocks: [] }
  if (typeof dependencies === 'string' || Array.isArray(dependencies))
    return { dependsOn: idsOf(dependencies), blocks: [] }
  return {
    dependsOn: distinct([...idsOf(dependencies.depends_on), ...idsOf(dependencies.blocked_by)]),
    blocks: idsOf(dependencies.blocks),
  }
}

/** Reads edges that name a title as edges to the id of the one entry that bears it. */
function byTitle<T extends { id: string; title: string; dependsOn: string[] }>(
  entries: T[],
  blocks: Map<string, string[]>,
): T[] {
  const ids = new Set(entries.map(({ id }) => id))
  const idOfTitle = new Map<string, string | null>()
  for (const { id, title } of entries) idOfTitle.set(title, idOfTitle.has(title) ? null : id)
  const resolve = (name: string) => (ids.has(name) ? name : (idOfTitle.get(name) ?? name))
  for (const [id, names] of blocks) blocks.set(id, names.map(resolve))
  return entries.map((entry) => ({ ...entry, dependsOn: distinct(entry.dependsOn.map(resolve)) }))
}

const ID_SHAPE = /^[A-Z]{2,}-\d+$/

function applyGraph(
  graph: TasksInput['dependency_graph'],
  tasks: Drafts<Task>,
  ticketIds: ReadonlySet<string>,
  faults: Fault[],
): void {
  if (graph === undefined) return
  const byId = new Map(tasks.entries.map((task) => [task.id, task]))
  for (const [id, value] of Object.entries(graph)) {
    const task = byId.get(id)
    if (task === undefined) {
      // Whatever else the map holds is no edge, but a task that does not exist is a dangling reference.
      if (ID_SHAPE.test(id) && !ticketIds.has(id))
        faults.push({ path: `dependency_graph.${id}`, message: `there is no task ${id}` })
      continue
    }
    const from = isRecord(value) ? [...textsOf(value.depends_on), ...textsOf(value.blocked_by)] : textsOf(value)
    task.dependsOn = distinct([...task.dependsOn, ...from])
    if (isRecord(value)) tasks.blocks.set(id, [...(tasks.blocks.get(id) ?? []), ...textsOf(value.blocks)])
  }
}

/** Turns "A blocks B" into "B depends on A". */
function turnBlocks(drafts: Drafts<{ id: string; dependsOn: string[] }>, list: string, faults: Fault[]): void {
  const byId = new Map(drafts.entries.map((entry) => [entry.id, entry]))
  for (const [id, blocked] of drafts.blocks) {
    for (const target of distinct(blocked)) {
      const entry = byId.get(target)
      if (entry === undefined) {
        faults.push({
          path: `${list}.${id}.dependencies.blocks`,
          message: `${id} blocks ${target}, which does not exist`,
        })
      } else if (!entry.dependsOn.includes(id)) entry.dependsOn.push(id)
    }
  }
}

/** Makes both directions of the parent link agree and lets tasks inherit what only their ticket says. */
function linkTickets(tickets: Ticket[], tasks: Task[]): void {
  const byId = new Map(tickets.map((ticket) => [ticket.id, ticket]))
  const parentOf = new Map(tickets.flatMap((ticket) => ticket.taskIds.map((id) => [id, ticket.id])))
  const listed = new Map(tickets.map((ticket) => [ticket.id, new Set(ticket.taskIds)]))
  for (const task of tasks) {
    task.ticketId ??= parentOf.get(task.id) ?? null
    const ticket = task.ticketId === null ? undefined : byId.get(task.ticketId)
    if (ticket === undefined) continue
    listed.get(ticket.id)?.add(task.id)
    task.layer ??= ticket.layer
    if (task.requirements.length === 0) task.requirements = [...ticket.requirements]
  }
  for (const ticket of tickets) ticket.taskIds = [...(listed.get(ticket.id) ?? [])]
}

function filesOf(task: TaskInput): Task['files'] {
  const split = isRecord(task.files) ? task.files : { create: task.files }
  const modify = pathsOf([task.files_to_modify, split.modify])
  const delivered = textsOf(task.deliverables).map(cleanPath).filter(looksLikePath)
  const create = [...pathsOf([task.files_to_create, split.create]), ...delivered].filter(
    (path) => !modify.includes(path),
  )
  return { create: distinct(create), modify }
}

const pathsOf = (lists: unknown[]): string[] => distinct(lists.flatMap(textsOf).map(cleanPath).filter(Boolean))

/** Hours as a number, or a text that starts with one ("3h", "1.5 hours"). */
function hoursOf(hours: number | string | undefined): number | null {
  const value = typeof hours === 'string' ? Number.parseFloat(hours) : hours
  return value !== undefined && Number.isFinite(value) && value >= 0 ? value : null
}
