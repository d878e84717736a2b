import type { Layer, Requirement, Role, TaskType } from '@specfleet/shared'
import type { Project } from './project.ts'

/** A task before it has its number. */
export type Draft = {
  title: string
  description: string
  type: TaskType
  role: Role
  layer: Layer
  hours: number
  files: readonly string[]
  requirements: readonly Requirement[]
  criteria: readonly string[]
  after: readonly Draft[]
}

/** Tasks that belong together, most often those of one component. */
export type DraftTicket = {
  title: string
  description: string
  layer: Layer
  tasks: Draft[]
  after: readonly DraftTicket[]
}

const LONGEST = 4

/** Hours for so many requirements, in halves, within what one sitting allows. */
export const hoursFor = (count: number, base: number, each: number): number =>
  Math.min(LONGEST, Math.max(0.5, Math.round((base + each * count) * 2) / 2))

export function chunks<T>(values: readonly T[], size: number): T[][] {
  const found: T[][] = []
  for (let from = 0; from < values.length; from += size) found.push(values.slice(from, from + size))
  return found
}

type Priority = Requirement['priority']
const ORDER: readonly Priority[] = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW']

/** The highest priority among requirements; what has none of its own comes in the middle. */
export const priorityOf = (requirements: readonly Requirement[]): Priority =>
  ORDER.find((priority) => requirements.some((requirement) => requirement.priority === priority)) ?? 'MEDIUM'

/** A few criteria of each requirement, so that a task can be judged alone. */
export const criteriaOf = (requirements: readonly Requirement[], each: number): string[] => [
  ...new Set(requirements.flatMap(({ acceptanceCriteria }) => acceptanceCriteria.slice(0, each))),
]

/** Splits paths by whether the file is there already, or was made by a task before. */
export function filesOf(paths: readonly string[], { existing }: Project, made: ReadonlySet<string>) {
  const there = (path: string) => existing.has(path) || made.has(path)
  return { create: paths.filter((path) => !there(path)), modify: paths.filter(there) }
}
