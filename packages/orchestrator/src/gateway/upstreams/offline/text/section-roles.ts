import type { Section } from './outline.ts'

/** What a section of a spec is for, told by its title. */
export type SectionRole =
  | 'requirements'
  | 'background'
  | 'acceptance'
  | 'data'
  | 'assumptions'
  | 'out-of-scope'
  | 'questions'
  | 'risks'
  | 'metrics'
  | 'users'
  | 'ignored'

const ROLE_OF_TITLE: readonly (readonly [RegExp, SectionRole])[] = [
  [
    /\b(?:out[- ]of[- ]scope|not in scope|non[- ]?goals?|won'?t|exclusions?|excluded|later|future work)\b/i,
    'out-of-scope',
  ],
  [/\bassumptions?\b|\bprerequisites?\b/i, 'assumptions'],
  [/\bopen (?:questions?|points?|issues?)\b|^questions?$|\bunknowns?\b|\bto be (?:decided|clarified)\b/i, 'questions'],
  [/\brisks?\b|\btrade-?offs?\b/i, 'risks'],
  [/\b(?:success )?(?:metrics|kpis?|measures)\b|\bsuccess criteria\b/i, 'metrics'],
  [/^(?:the )?(?:target )?(?:users?|personas?|audience|actors?|stakeholders?)(?: and \w+)?$/i, 'users'],
  [/\bacceptance\b|\bdefinition of done\b|^scenarios?$/i, 'acceptance'],
  [/\b(?:data models?|data structures?|domain model)\b|^(?:data|entities|models?|schemas?)$/i, 'data'],
  [
    /^(?:references?|links?|glossary|changelog|history|authors?|contents?|table of contents|appendix.*|status|see also)$/i,
    'ignored',
  ],
  [
    /^(?:background|context|motivation|overview|introduction|summary|abstract|problem(?: statement)?|why|purpose|vision|description|the problem|about)\b/i,
    'background',
  ],
]

/** The role of a section: its own, else the one of the nearest section around it. */
export function roleOf({ title, trail }: Section): SectionRole {
  for (const text of [title, ...trail.toReversed()]) {
    const role = ROLE_OF_TITLE.find(([pattern]) => pattern.test(text))?.[1]
    if (role !== undefined) return role
  }
  return 'requirements'
}
