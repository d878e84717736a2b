import { parseEars } from '@specfleet/shared'
import { z } from 'zod'
import type { HandedIn } from './conversation.ts'

type Output = Readonly<Record<string, unknown>>

/**
 * Mends an output by the feedback on it, as far as that can be done without inventing anything:
 * what is named as missing is left out, what is named as faulty takes its plainest form. Everything
 * else is handed in again as it was.
 */
export function mend(phase: HandedIn, output: Output, feedback: readonly string[]): Record<string, unknown> {
  const said = feedback.join('\n')
  if (said === '') return { ...output }
  if (phase === 'explore') return withoutPaths(output, missingPaths(said))
  if (phase === 'requirements') return withPlainTexts(output, said)
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

const Requirements = z.array(z.looseObject({ id: z.string(), text: z.string(), notes: z.string().optional() }))

/** A requirement whose sentence was faulted becomes ubiquitous, with its conditions inside its response. */
function withPlainTexts(output: Output, feedback: string): Record<string, unknown> {
  const requirements = Requirements.safeParse(output.requirements)
  if (!requirements.success) return { ...output }
  return {
    ...output,
    requirements: requirements.data.map((requirement) => {
      const faulty = feedback.includes(`${requirement.id}:`) && !parseEars(requirement.text).ok
      const source = /"(.+)"/s.exec(requirement.notes ?? '')?.[1] ?? requirement.text
      return faulty ? { ...requirement, text: `THE SYSTEM SHALL meet this: ${source}` } : requirement
    }),
  }
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
