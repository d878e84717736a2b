import * as z from 'zod'

/** L0 infrastructure, L1 core services, L2 features, L3 integration: a higher one may build on a lower one. */
export const LAYERS = ['L0', 'L1', 'L2', 'L3'] as const
export const Layer = z.enum(LAYERS)
export type Layer = z.infer<typeof Layer>

export const PRIORITIES = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW'] as const
export const Priority = z.enum(PRIORITIES)
export type Priority = z.infer<typeof Priority>

export const ESTIMATES = ['S', 'M', 'L', 'XL'] as const
export const Estimate = z.enum(ESTIMATES)
export type Estimate = z.infer<typeof Estimate>

export const TASK_TYPES = ['implementation', 'refactor', 'test', 'documentation', 'configuration', 'research'] as const
export const TaskType = z.enum(TASK_TYPES)
export type TaskType = z.infer<typeof TaskType>

/** Who executes a ticket. */
export const ROLES = ['developer', 'qa', 'devops', 'docs'] as const
export const Role = z.enum(ROLES)
export type Role = z.infer<typeof Role>

/** Hours a size stands for where no hours are given: the middle of S < 2, M 2–4, L 4–8, XL beyond. */
export const ESTIMATE_HOURS: Readonly<Record<Estimate, number>> = { S: 1, M: 3, L: 6, XL: 12 }

const LAYER_WORDS: readonly (readonly [RegExp, Layer])[] = [
  [/infra|foundation|configuration|database|storage/i, 'L0'],
  [/core|service|domain|backend/i, 'L1'],
  [/integrat|test|end-to-end|e2e/i, 'L3'],
  [/feature|interface|api|frontend|presentation|ui\b/i, 'L2'],
]

/** The layer named by `L2`, `2`, `layer 2` or a word such as "infrastructure"; `null` when none is. */
export function layerOf(text: string | number | undefined): Layer | null {
  if (text === undefined) return null
  const digit = /^(?:l|layer)?[\s_-]*([0-3])\b/i.exec(String(text).trim())?.[1]
  if (digit !== undefined) return LAYERS[Number(digit)] ?? null
  return LAYER_WORDS.find(([word]) => word.test(String(text)))?.[1] ?? null
}

/** MEDIUM where nothing known is said. */
export function priorityOf(text: string | undefined): Priority {
  const word = (text ?? '').trim().toUpperCase()
  const known: Record<string, Priority> = {
    MUST: 'HIGH',
    SHOULD: 'MEDIUM',
    COULD: 'LOW',
    P0: 'CRITICAL',
    P1: 'HIGH',
    P2: 'MEDIUM',
    P3: 'LOW',
  }
  return (
    PRIORITIES.find((priority) => priority === word) ??
    (Object.hasOwn(known, word) ? known[word] : undefined) ??
    'MEDIUM'
  )
}

export function estimateOf(text: string | undefined): Estimate | null {
  const word = (text ?? '').trim().toUpperCase()
  return ESTIMATES.find((estimate) => estimate === word) ?? null
}

/** `implementation` where nothing known is said. */
export function taskTypeOf(text: string | undefined): TaskType {
  const word = (text ?? '').trim().toLowerCase()
  if (/^test|^qa/.test(word)) return 'test'
  if (/^doc/.test(word)) return 'documentation'
  if (/^config|^devops|^infra/.test(word)) return 'configuration'
  return TASK_TYPES.find((type) => type === word) ?? 'implementation'
}

const ROLE_OF_TYPE: Readonly<Record<TaskType, Role>> = {
  implementation: 'developer',
  refactor: 'developer',
  research: 'developer',
  test: 'qa',
  documentation: 'docs',
  configuration: 'devops',
}

/** The role named, else the one that a task of this type falls to. */
export function roleOf(text: string | undefined, type: TaskType): Role {
  const word = (text ?? '').trim().toLowerCase()
  if (/qa|test|quality/.test(word)) return 'qa'
  if (/devops|infra|operations|platform/.test(word)) return 'devops'
  if (/doc|writer/.test(word)) return 'docs'
  return word === '' ? ROLE_OF_TYPE[type] : 'developer'
}
