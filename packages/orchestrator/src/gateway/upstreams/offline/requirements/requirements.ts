import { type ExploreOutput, parseEars, type RequirementsInput, renderEars } from '@specfleet/shared'
import type { Spec } from '../conversation.ts'
import { type Outline, readOutline } from '../text/outline.ts'
import { roleOf, type SectionRole } from '../text/section-roles.ts'
import { capitalised, clip, identifierWords, kebabCase } from '../text/words.ts'
import { collectStatements, type Found } from './collect.ts'
import { criteriaOf } from './criteria.ts'
import { typeOf } from './quality.ts'
import type { Statement } from './statement.ts'

/** More than this is several specs; what is beyond becomes an open question, so that nothing vanishes in silence. */
export const MOST_REQUIREMENTS = 60
/** Room for all of them, in characters of JSON: a plan is handed in as one reply, which has its limit. */
const ROOM = 48_000

const PRIORITY = { must: 'HIGH', should: 'MEDIUM', may: 'LOW' } as const
const TITLE_LENGTH = 64

/** Derives the requirements from the statements of the spec; without statements there are none. */
export function deriveRequirements(spec: Spec, explore: ExploreOutput | undefined): RequirementsInput {
  const outline = readOutline(spec.text)
  const found = collectStatements(outline)
  const requirements = fitting(requirementsOf(found.slice(0, MOST_REQUIREMENTS), outline))
  const kept = found.slice(0, requirements.length)
  return {
    feature_name: featureName(spec, outline),
    requirements,
    assumptions: [...textsOf(outline, 'assumptions'), ...assumptionsOf(explore)],
    out_of_scope: textsOf(outline, 'out-of-scope'),
    open_questions: [...textsOf(outline, 'questions'), ...beyond(found.slice(kept.length))],
    traceability: { prd_sections: sectionsOf(kept, outline), design_components: [] },
  }
}

function requirementsOf(found: readonly Found[], outline: Outline): RequirementsInput['requirements'] {
  const ids = numbered(found)
  return found.map((each, index) => ({
    id: ids[index] ?? '',
    title: titleOf(each),
    type: typeOf(each.statement.source, each.section),
    category: placeOf(each) || outline.title,
    priority: priorityOf(each),
    text: earsOf(each.statement),
    acceptance_criteria: criteriaOf(each.statement, each.details),
    dependencies: [],
    notes: [`Spec: "${each.statement.source}"`, each.statement.rationale && `So that ${each.statement.rationale}.`]
      .filter(Boolean)
      .join(' '),
  }))
}

/** The first ones that fit into the room. */
function fitting<T>(values: T[]): T[] {
  const kept: T[] = []
  let room = ROOM
  for (const value of values) {
    room -= JSON.stringify(value).length
    if (room < 0 && kept.length > 0) break
    kept.push(value)
  }
  return kept
}

const MOST_QUESTIONS = 20

function beyond(found: readonly Found[]): string[] {
  const named = found
    .slice(0, MOST_QUESTIONS)
    .map(({ statement }) => `More than one plan can hold, belongs to a spec of its own: ${statement.source}`)
  const rest = found.length - named.length
  return rest > 0 ? [...named, `… and ${rest} more statements`] : named
}

/** The name of the feature, from the title of the spec or its first heading. */
export function featureName(spec: Spec, outline: Outline): string {
  const title =
    outline.title || spec.title || outline.sections.find((section) => section.title !== '')?.title || spec.id
  return kebabCase(identifierWords(title).slice(0, 8)) || spec.id
}

/**
 * The sentence in EARS. One that cannot keep its conditions apart carries them in its response, and
 * one whose demand cannot be made out is quoted.
 */
export function earsOf({ clauses, response, source }: Pick<Statement, 'clauses' | 'response' | 'source'>): string {
  const render = (text: string, conditions: Statement['clauses']) =>
    renderEars({ pattern: 'complex', clauses: conditions, system: 'SYSTEM', response: shallText(text) })
  const whole = render(response, clauses)
  const read = parseEars(whole)
  if (read.ok && read.requirement.clauses.length === clauses.length) return whole
  const behind = clauses.map(({ keyword, text }) => `${keyword.toLowerCase()} ${text}`).join(' and ')
  const plain = render(`${response} ${behind}`, [])
  return parseEars(plain).ok ? plain : render(`meet what the spec says: ${source}`, [])
}

const shallText = (response: string): string => response.replace(/^not\s+/i, 'NOT ').replace(/[.;,:\s]+$/, '')

function titleOf({ statement, label }: Found): string {
  const text = label || statement.response.replace(/^ensure that (?:the |an? |each |every )?/i, '').replace(/`/g, '')
  return capitalised(clip(text, TITLE_LENGTH))
}

function priorityOf({ statement, section, label }: Found): string {
  const heading = [label, section.title, ...section.trail].join(' ')
  if (/\b(?:nice to have|optional|could have|stretch)\b/i.test(heading)) return 'LOW'
  if (/\bmust[- ]haves?\b/i.test(heading)) return 'HIGH'
  return PRIORITY[statement.strength]
}

/** Titles that say what kind of text stands below, but not what it is about. */
const FORMAL =
  /^(?:user stories|stories|(?:non[- ]?)?functional(?: requirements)?|requirements?|features?|scope|in scope|goals?|specification|details|must|should|could)$/i

/** The nearest title that names what a statement is about; '' where none does. */
function placeOf({ section }: Found): string {
  const names = (title: string) =>
    title !== '' && !FORMAL.test(title) && !FRAMES.has(roleOf({ ...section, title, trail: [] }))
  return [section.title, ...section.trail.toReversed()].find(names) ?? ''
}

/** Roles of sections that stand around the subject rather than name it. */
const FRAMES: ReadonlySet<SectionRole> = new Set(['background', 'acceptance', 'users'])

/** `REQ-<AREA>-001`: counted within each area, so that a change elsewhere renames nothing. */
function numbered(found: readonly Found[]): string[] {
  const counts = new Map<string, number>()
  return found.map((each) => {
    const area = areaOf(placeOf(each))
    const count = (counts.get(area) ?? 0) + 1
    counts.set(area, count)
    return `REQ-${area}-${String(count).padStart(3, '0')}`
  })
}

const AREA_LENGTH = 12

/** The last word of a title is most often its noun. */
function areaOf(title: string): string {
  const words = identifierWords(title).filter(
    (word) => !/^(?:the|a|an|of|and|for|to|in|on|requirements?|functional|\d+)$/.test(word),
  )
  return (words.findLast((word) => word.length > 2) ?? words[0] ?? 'core').slice(0, AREA_LENGTH).toUpperCase()
}

/** The entries of the sections of one role, as they are written. */
export function textsOf(outline: Outline, role: SectionRole): string[] {
  return outline.sections
    .filter((section) => roleOf(section) === role)
    .flatMap(({ items }) => items.flatMap(({ text, children }) => [text, ...children.map((child) => child.text)]))
    .filter((text) => text !== '' && !/[:：]$/.test(text))
}

function assumptionsOf(explore: ExploreOutput | undefined): string[] {
  if (explore === undefined || explore.keyFiles.length === 0) return []
  const stack = explore.techStack.slice(0, 3).join(', ')
  return [
    `The work extends the existing ${explore.projectType || 'project'}${stack === '' ? '' : ` and keeps to its stack: ${stack}`}.`,
  ]
}

function sectionsOf(found: readonly Found[], { title }: Outline): string[] {
  const trails = found.map(({ section }) => [...section.trail, section.title].filter(Boolean).join(' › ') || title)
  return [...new Set(trails)].filter(Boolean)
}
