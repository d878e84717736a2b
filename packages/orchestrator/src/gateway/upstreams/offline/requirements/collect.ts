import { sentencesOf } from '../text/inline.ts'
import type { Item, Outline, Section, Table } from '../text/outline.ts'
import { roleOf, type SectionRole } from '../text/section-roles.ts'
import { clip, decapitalised, opensWithVerb, tellingWords } from '../text/words.ts'
import { takeClauses } from './clauses.ts'
import { isAboutSystem, isClause } from './main-clause.ts'
import { masked } from './mask.ts'
import { findModal, type Modal } from './modality.ts'
import { readStatement, type Statement, withoutMarker } from './statement.ts'

/** A statement with its place in the spec. */
export type Found = {
  statement: Statement
  section: Section
  /** What the spec calls it, where it has a label or a title of its own; else ''. */
  label: string
  /** What the spec adds below it. */
  details: string[]
}

/** Sections of these roles say nothing that the system must do. */
const SILENT: ReadonlySet<SectionRole> = new Set([
  'out-of-scope',
  'questions',
  'ignored',
  'assumptions',
  'risks',
  'metrics',
])
const STORY = /^as an? .+? (?:i|we) (?:want|need|would like|wish)\b/i

/**
 * Every statement of the spec, in its order, each once. What stands before the first heading is
 * taken for an introduction, unless the spec demands nothing elsewhere.
 */
export function collectStatements(outline: Outline): Found[] {
  const found = collect(outline, 'background')
  return found.length > 0 ? found : collect(outline, 'requirements')
}

function collect(outline: Outline, introduction: SectionRole): Found[] {
  const found: Found[] = []
  const acceptance: { text: string; section: Section }[] = []
  for (const section of outline.sections) {
    const role = roleOf(section)
    if (SILENT.has(role)) continue
    if (role === 'acceptance') {
      for (const text of scenarios(section.items)) acceptance.push({ text: clip(text, LONGEST), section })
    } else {
      for (const item of [...section.items, ...section.tables.flatMap(statementRows)]) {
        const own = section.title === '' && item.kind === 'sentence' ? introduction : role
        found.push(...fromItem(item, { section, role: own, name: outline.title, lead: '' }))
      }
    }
  }
  for (const { text, section } of acceptance) attach(text, section, found, outline.title)
  return distinct(found)
}

/** The rows of a table of requirements, each as a bullet. */
function statementRows({ header, rows }: Table): Item[] {
  const column = header.findIndex((cell) =>
    /^(?:requirements?|user stor(?:y|ies)|stor(?:y|ies)|statements?|rules?)$/i.test(cell),
  )
  return rows.flatMap((row) => {
    const text = row[column] ?? ''
    return text === '' ? [] : [{ kind: 'bullet', text, children: [] }]
  })
}

type Place = { section: Section; role: SectionRole; name: string; lead: string }

function fromItem(item: Item, place: Place): Found[] {
  const { section, name } = place
  const { label, text } = splitLabel(withoutMarker(item.text))
  const whole = `${place.lead}${place.lead === '' ? text : decapitalised(text)}`
  const sentences = sentencesOf(whole).map((sentence) => clip(sentence, LONGEST))
  const lead = item.children.length > 0 ? leadOf(text) : undefined
  if (lead !== undefined)
    return item.children.flatMap((child) => fromItem(child, { ...place, lead: lead === '' ? '' : `${lead} ` }))
  const own = sentences
    .filter((sentence, index) => {
      // What follows in a bullet may be a mere remark.
      const kind = index === 0 || isClause(sentence) ? item.kind : 'sentence'
      return place.lead !== '' || counts(sentence, kind, place)
    })
    .map((sentence): Found => ({ statement: readStatement(sentence, name), section, label, details: [] }))
  const last = own.at(-1)
  const below = item.children.flatMap((child) => {
    const binding = findModal(masked(child.text)) !== undefined
    if (last === undefined || binding) return fromItem(child, place)
    last.details.push(clip(child.text, LONGEST))
    return []
  })
  return [...own, ...below]
}

/** Longer is no sentence that anybody could test; it is read as far as this, in characters. */
const LONGEST = 500

/** Whether a sentence demands something. Bullets of a requirements section do by standing there. */
function counts(sentence: string, kind: Item['kind'], { role, name, section }: Place): boolean {
  if (/\?$/.test(sentence) || tellingWords(sentence).length === 0) return false
  const modal = findModal(masked(sentence))
  if (role === 'background' && modal?.grants === true && !(section.title === '' && isOffered(sentence, modal)))
    return false
  if (modal !== undefined || STORY.test(sentence)) return true
  if (role !== 'requirements') return false
  if (kind === 'bullet') return true
  return takeClauses(sentence).clauses.length > 0 || isAboutSystem(sentence, name) || opensWithVerb(sentence)
}

/** An introduction tells what can be done, and also what is wrong as long as it cannot. */
const isOffered = (sentence: string, { negative }: Modal): boolean =>
  !negative && !/\b(?:today|currently|at present|until now|so far)\b/i.test(sentence)

/** "The service must:" hands its beginning on to the list below; "Rules:" merely announces one; else `undefined`. */
function leadOf(text: string): string | undefined {
  if (!/[:：]$/.test(text)) return undefined
  const bare = text.slice(0, -1).trim()
  const modal = findModal(masked(bare))
  if (modal === undefined) return isClause(bare) && bare.split(/\s+/).length > 4 ? undefined : ''
  const predicate = bare.slice(modal.end).trim()
  return predicate === '' || /^(?:be able to|also|support|provide|offer|do the following)$/i.test(predicate)
    ? bare.replace(/\s+do the following$/i, '')
    : undefined
}

const LABEL = /^([\p{Lu}`][^:.!?]{1,48}?)(?::| —| –| -)\s+(?=\S)(.+)$/u

/** "Validation: URLs must be absolute" has a label; "Rate limit: 10 per minute" only makes sense as a whole. */
function splitLabel(text: string): { label: string; text: string } {
  const [, label = '', rest = ''] = LABEL.exec(text) ?? []
  const isLabel = label !== '' && label.split(/\s+/).length <= 6 && findModal(masked(label)) === undefined
  if (!isLabel || /^(?:when|if|while|where|given|as an?)\b/i.test(label)) return { label: '', text }
  return isClause(rest) || takeClauses(rest).clauses.length > 0
    ? { label: label.replace(/`/g, ''), text: rest }
    : { label: '', text }
}

/** Acceptance criteria as single texts; Given, When, Then on lines of their own are one scenario. */
function scenarios(items: readonly Item[]): string[] {
  const texts: string[] = []
  for (const item of items) {
    for (const text of [item.text, ...item.children.map((child) => child.text)]) {
      if (text === '' || /[:：]$/.test(text)) continue
      const before = texts.at(-1)
      const goesOn = before !== undefined && /^given\b/i.test(before) && /^(?:and|when|then)\b/i.test(text)
      if (goesOn && !(/\bthen\b/i.test(before) && /^when\b/i.test(text))) {
        texts[texts.length - 1] = `${before.replace(/[.,]$/, '')}, ${decapitalised(text)}`
      } else texts.push(text)
    }
  }
  return texts
}

/** Gives a criterion to the statement that it shares most words with; one that fits none stands for itself. */
function attach(text: string, section: Section, found: Found[], name: string): void {
  const words = new Set(tellingWords(text))
  let best: Found | undefined
  let most = 1
  for (const candidate of found) {
    const shared = new Set(tellingWords(candidate.statement.source).filter((word) => words.has(word))).size
    const near = section.trail.length > 0 && section.trail.at(-1) === candidate.section.title ? 1 : 0
    if (shared > 0 && shared + near > most) {
      best = candidate
      most = shared + near
    }
  }
  if (best !== undefined) best.details.push(text)
  else if (isClause(text) || takeClauses(text).clauses.length > 0) {
    found.push({ statement: readStatement(text, name), section, label: '', details: [] })
  }
}

function distinct(found: readonly Found[]): Found[] {
  const seen = new Set<string>()
  return found.filter(({ statement: { clauses, response } }) => {
    const key = JSON.stringify([clauses, response]).toLowerCase()
    return seen.has(key) ? false : seen.add(key)
  })
}
