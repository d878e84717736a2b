import { groupByEach } from './grouping.ts'
import type { Component, DesignOutput } from './outputs/design.ts'
import { distinct } from './outputs/dialects.ts'
import type { RequirementsOutput } from './outputs/requirements.ts'
import type { CoverageRow } from './outputs/sync.ts'
import type { Task, TasksOutput } from './outputs/tasks.ts'

export interface Traceability {
  /** One row for each requirement, in their order. */
  rows: CoverageRow[]
  complete: boolean
  /** What is missing, one sentence for each requirement that lacks something. */
  gaps: string[]
}

/** Requirement → component → task → file: which links there are, and which are not. */
export function traceRequirements(
  requirements: RequirementsOutput,
  design: DesignOutput | undefined,
  tasks: TasksOutput | undefined,
): Traceability {
  const ids = new Set(requirements.requirements.map(({ id }) => id))
  const componentsOf = groupByEach(design?.components ?? [], (component) => requirementsOfComponent(component, ids))
  const tasksOf = groupByEach(tasks?.tasks ?? [], (task) => task.requirements)
  const seen = new Set<string>()
  const rows: CoverageRow[] = []
  for (const { id, title } of requirements.requirements) {
    if (seen.has(id)) continue
    seen.add(id)
    rows.push(rowOf({ id, title }, componentsOf.get(id) ?? [], tasksOf.get(id) ?? []))
  }
  const gaps = rows.filter(({ missing }) => missing.length > 0).map(gapOf)
  return { rows, complete: gaps.length === 0, gaps }
}

/**
 * The requirements that a component addresses: those it lists, and those whose id its own
 * words name, since not every dialect has a list.
 */
export function requirementsOfComponent(component: Component, ids: ReadonlySet<string>): string[] {
  const words = [component.description, ...component.responsibilities].flatMap((text) => text.match(/[\w-]+/g) ?? [])
  return distinct([...component.requirements, ...words.filter((word) => ids.has(word))])
}

/** Every path that a task writes, each once. */
export const filesOfTask = ({ files }: Task): string[] => distinct([...files.create, ...files.modify])

function rowOf(requirement: { id: string; title: string }, components: Component[], tasks: Task[]): CoverageRow {
  const files = distinct(tasks.flatMap(filesOfTask))
  const missing: CoverageRow['missing'] = []
  if (components.length === 0) missing.push('component')
  if (tasks.length === 0) missing.push('task')
  if (files.length === 0) missing.push('file')
  return {
    requirementId: requirement.id,
    title: requirement.title,
    components: distinct(components.map(({ name }) => name)),
    tasks: distinct(tasks.map(({ id }) => id)),
    tickets: distinct(tasks.flatMap(({ ticketId }) => ticketId ?? [])),
    files,
    status: missing.length === 0 ? 'covered' : missing.length === 3 ? 'missing' : 'partial',
    missing,
  }
}

const gapOf = ({ requirementId, missing }: CoverageRow): string =>
  `${requirementId} has no ${missing.length === 3 ? 'component, task or file' : missing.join(' and no ')}`
