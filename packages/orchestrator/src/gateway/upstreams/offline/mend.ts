import { MIN_CRITERIA, testableCriteria } from '@specfleet/shared'
import * as z from 'zod'
import type { HandedIn } from './conversation.ts'

type Output = Readonly<Record<string, unknown>>

/**
 * Mends an output by the feedback on it, as far as that can be done without inventing anything:
 * what is named as missing is left out, what cannot be tested becomes a question. Everything else is
 * handed in again as it was.
 */
export function mend(phase: HandedIn, output: Output, feedback: readonly string[]): Record<string, unknown> {
  const said = feedback.join('\n')
  if (said === '') return { ...output }
  if (phase === 'explore') return withoutPaths(output, missingPaths(said))
  if (phase === 'requirements') return /\btestable\b/.test(said) ? withoutUntestable(output) : { ...output }
  return addressed(phase, output, said)
}

const missingPaths = (feedback: string): ReadonlySet<string> =>
  new Set([...feedback.matchAll(/^[-\s]*(\S+) is not in the source$/gm)].flatMap(([, path]) => path ?? []))

/** Entries that name a missing path go; lists and maps of paths lose just that path. */
function withoutPaths(output: Output, missing: ReadonlySet<string>): Record<string, unknown> {
  const names = (value: unknown): boolean => {
    if (typeof value === 'string') return missing.has(value)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
    return Object.entries(value).some(([key, entry]) => /^(?:path|file)$/.test(key) && names(entry))
  }
  const pruned = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.filter((entry) => !names(entry)).map(pruned)
    if (typeof value !== 'object' || value === null) return value
    const kept = Object.entries(value).filter(([, entry]) => !names(entry))
    return Object.fromEntries(kept.map(([key, entry]) => [key, pruned(entry)]))
  }
  return Object.fromEntries(Object.entries(output).map(([key, value]) => [key, pruned(value)]))
}

const Requirements = z.array(
  z.looseObject({ id: z.string(), text: z.string(), acceptance_criteria: z.array(z.string()) }),
)
const Questions = z.array(z.string())

/** What cannot be tested as the spec says it becomes an open question: only its author can make it testable. */
function withoutUntestable(output: Output): Record<string, unknown> {
  const requirements = Requirements.safeParse(output.requirements)
  const questions = Questions.safeParse(output.open_questions)
  if (!requirements.success || !questions.success) return { ...output }
  const isTestable = (each: { acceptance_criteria: string[] }) =>
    testableCriteria(each.acceptance_criteria).length >= MIN_CRITERIA
  const kept = requirements.data.filter(isTestable)
  const vague = requirements.data.filter((each) => !isTestable(each))
  const asked = vague.map(({ id, text }) => `${id} cannot be tested as it stands, what would show it? ${text}`)
  return { ...output, requirements: kept, open_questions: [...questions.data, ...asked] }
}

const Addressing = z.array(
  z.looseObject({
    requirements: z.array(z.string()).optional(),
    requirements_addressed: z.array(z.string()).optional(),
  }),
)

/** Requirements that were named as uncovered are taken on by the first component or task. */
function addressed(phase: HandedIn, output: Output, feedback: string): Record<string, unknown> {
  const list = phase === 'design' ? 'components' : 'tasks'
  const field = phase === 'design' ? 'requirements' : 'requirements_addressed'
  const uncovered = [
    ...feedback.matchAll(/^[-\s]*(REQ-\S+) is (?:addressed by no component|covered by no task)/gm),
  ].flatMap(([, id]) => id ?? [])
  const entries = Addressing.safeParse(output[list])
  const [first, ...rest] = entries.success ? entries.data : []
  if (first === undefined || uncovered.length === 0) return { ...output }
  return { ...output, [list]: [{ ...first, [field]: [...new Set([...(first[field] ?? []), ...uncovered])] }, ...rest] }
}
