import {
  analyseGraph,
  type DesignOutput,
  normaliseTasks,
  planGraph,
  type RequirementsOutput,
  type TasksInput,
} from '@specfleet/shared'
import { componentTickets } from './component-tickets.ts'
import { type Draft, type DraftTicket, filesOf, priorityOf } from './draft.ts'
import { closingTickets, groundTickets } from './frame-tickets.ts'
import type { Project } from './project.ts'

/** Derives the work: a ticket for each component of the design, framed by what comes before and after. */
export function deriveTasks(requirements: RequirementsOutput, design: DesignOutput, project: Project): TasksInput {
  const ground = groundTickets(design, project)
  const components = componentTickets(design, requirements.requirements, project, ground)
  // Without a component there is nothing to integrate either.
  const closing = components.length === 0 ? [] : closingTickets(design, requirements.requirements, project, components)
  const input = numbered([...ground, ...components, ...closing], project)
  const read = normaliseTasks({ feature_name: design.featureName, ...input })
  const tasks = input.tasks.map(({ estimated_hours }) => estimated_hours)
  return {
    feature_name: design.featureName,
    ...input,
    total_estimated_hours: tasks.reduce((sum, hours) => sum + hours, 0),
    critical_path: read.ok ? analyseGraph(planGraph(read.output)).criticalPath : [],
    summary: `${input.tickets.length} tickets with ${input.tasks.length} tasks for ${requirements.requirements.length} requirements.`,
  }
}

function numbered(tickets: readonly DraftTicket[], project: Project) {
  const ticketIds = new Map(tickets.map((ticket, index) => [ticket, idOf('TKT', index)]))
  const drafts = tickets.flatMap(({ tasks }) => tasks)
  const ids = new Map(drafts.map((draft, index) => [draft, idOf('TSK', index)]))
  const waits = waitsOf(drafts)
  const made = new Set<string>()
  const tasks = tickets.flatMap((ticket) =>
    ticket.tasks.map((draft) => {
      const { create, modify } = filesOf(draft.files, project, made)
      for (const path of create) made.add(path)
      return {
        id: ids.get(draft) ?? '',
        title: draft.title,
        description: draft.description,
        type: draft.type,
        role: draft.role,
        parent_ticket: ticketIds.get(ticket) ?? '',
        layer: draft.layer,
        priority: draft.requirements.length === 0 && draft.layer === 'L0' ? 'CRITICAL' : priorityOf(draft.requirements),
        estimated_hours: draft.hours,
        files_to_create: create,
        files_to_modify: modify,
        dependencies: { depends_on: [...(waits.get(draft) ?? [])].flatMap((other) => ids.get(other) ?? []) },
        requirements_addressed: draft.requirements.map(({ id }) => id),
        acceptance_criteria: [...draft.criteria],
        validation: [project.testCommand],
      }
    }),
  )
  return { tickets: tickets.map((ticket) => ticketOf(ticket, ticketIds, ids)), tasks }
}

const idOf = (prefix: string, index: number): string => `${prefix}-${String(index + 1).padStart(3, '0')}`

/** Whoever writes a file waits for whoever wrote it before; the drafts come in the order of the work. */
function waitsOf(drafts: readonly Draft[]): Map<Draft, Set<Draft>> {
  const lastWriter = new Map<string, Draft>()
  const waits = new Map<Draft, Set<Draft>>()
  for (const draft of drafts) {
    const before = draft.files.flatMap((path) => lastWriter.get(path) ?? [])
    waits.set(draft, new Set([...draft.after, ...before]))
    for (const path of draft.files) lastWriter.set(path, draft)
  }
  return waits
}

const HOURS_OF_SIZE = [
  [2, 'S'],
  [4, 'M'],
  [8, 'L'],
] as const

function ticketOf(ticket: DraftTicket, ticketIds: ReadonlyMap<DraftTicket, string>, ids: ReadonlyMap<Draft, string>) {
  const requirements = [...new Set(ticket.tasks.flatMap((task) => task.requirements))]
  const hours = ticket.tasks.reduce((sum, task) => sum + task.hours, 0)
  return {
    id: ticketIds.get(ticket) ?? '',
    title: ticket.title,
    description: ticket.description,
    priority: requirements.length === 0 && ticket.layer === 'L0' ? 'CRITICAL' : priorityOf(requirements),
    estimate: HOURS_OF_SIZE.find(([most]) => hours <= most)?.[1] ?? 'XL',
    layer: ticket.layer,
    tasks: ticket.tasks.flatMap((task) => ids.get(task) ?? []),
    requirements: requirements.map(({ id }) => id),
    acceptance_criteria: requirements.map(({ id, title }) => `${id} is met: ${title}`),
    dependencies: { blocked_by: ticket.after.flatMap((other) => ticketIds.get(other) ?? []) },
  }
}
