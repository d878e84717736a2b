import { trimEndOf, trimStartOf } from './trimming.ts'

/**
 * The Easy Approach to Requirements Syntax:
 *
 *     requirement = *( clause [","] ) [ "THEN" ] "THE" system "SHALL" response
 *     clause      = ( "WHERE" feature / "WHILE" state / "WHEN" trigger / "IF" condition )
 *
 * No clause makes a ubiquitous requirement, one clause one of the four other patterns, more
 * clauses a complex one. Letter case does not matter. A clause begins at the start, behind a
 * comma, or at a keyword in capitals, so that "the moment when" stays part of its clause.
 */
export const EARS_KEYWORDS = ['WHERE', 'WHILE', 'WHEN', 'IF'] as const
export type EarsKeyword = (typeof EARS_KEYWORDS)[number]

export type EarsPattern = 'ubiquitous' | 'event' | 'state' | 'unwanted' | 'optional' | 'complex'

export interface EarsClause {
  keyword: EarsKeyword
  text: string
}

export interface EarsRequirement {
  pattern: EarsPattern
  /** In the order they were written. */
  clauses: EarsClause[]
  /** Without its THE; `SYSTEM` for the usual one. */
  system: string
  /** Without its SHALL and the full stop. */
  response: string
}

/** What is wrong, and which part of the text it is about; the length is 0 where something is missing. */
export interface EarsFault {
  reason: string
  offset: number
  length: number
}

export type EarsResult = { ok: true; requirement: EarsRequirement } | { ok: false; faults: EarsFault[] }

interface Span {
  start: number
  end: number
}

const PATTERN_OF: Readonly<Record<EarsKeyword, EarsPattern>> = {
  WHERE: 'optional',
  WHILE: 'state',
  WHEN: 'event',
  IF: 'unwanted',
}
const NOUN_OF: Readonly<Record<EarsKeyword, string>> = {
  WHERE: 'feature',
  WHILE: 'state',
  WHEN: 'trigger',
  IF: 'condition',
}

/** Parses one requirement. Never throws; every fault lies inside the text. */
export function parseEars(text: string): EarsResult {
  const shall = findShall(text)
  if (shall === undefined) return { ok: false, faults: [missingShall(text)] }
  const faults: EarsFault[] = []
  const response = squeeze(text.slice(shall.end))
  if (!hasWord(response) || /^not$/i.test(response)) {
    faults.push({ reason: 'response is empty', offset: shall.start, length: shall.end - shall.start })
  }
  const subject = findSubject(text.slice(0, shall.start))
  if (subject === undefined) {
    faults.push({ reason: "'THE <system>' is missing before SHALL", offset: shall.start, length: 0 })
    return { ok: false, faults }
  }
  const system = squeeze(text.slice(subject.start + 'the'.length, shall.start))
  if (!hasWord(system)) faults.push({ reason: 'name of the system is empty', offset: subject.start, length: 3 })
  const clauses = parseClauses(text.slice(0, subject.start), faults)
  if (faults.length > 0) return { ok: false, faults: faults.sort((a, b) => a.offset - b.offset) }
  const name = /^system$/i.test(system) ? 'SYSTEM' : system
  return { ok: true, requirement: { pattern: patternOf(clauses), clauses, system: name, response } }
}

/** The canonical sentence; `parseEars` reads it back to the same requirement. */
export function renderEars({ clauses, system, response }: EarsRequirement): string {
  const head = clauses.map(({ keyword, text }) => `${keyword} ${text}, `).join('')
  const then = clauses.some(({ keyword }) => keyword === 'IF') ? 'THEN ' : ''
  return `${head}${then}THE ${system} SHALL ${response}.`
}

function patternOf(clauses: readonly EarsClause[]): EarsPattern {
  const [first, second] = clauses
  if (first === undefined) return 'ubiquitous'
  return second === undefined ? PATTERN_OF[first.keyword] : 'complex'
}

/** The SHALL that belongs to THE SYSTEM, else the first one. */
function findShall(text: string): Span | undefined {
  const usual = /\bthe\s+system\s+(shall)\b/i.exec(text)
  if (usual !== null) {
    const end = usual.index + usual[0].length
    return { start: end - 'shall'.length, end }
  }
  const first = /\bshall\b/i.exec(text)
  return first === null ? undefined : { start: first.index, end: first.index + first[0].length }
}

function missingShall(text: string): EarsFault {
  const modal = /\b(?:must|should|will|may|can|has to|needs to)\b/i.exec(text)
  if (modal === null) return { reason: "'SHALL' is missing", offset: text.trimEnd().length, length: 0 }
  const reason = `'SHALL' is missing: '${modal[0]}' stands in its place`
  return { reason, offset: modal.index, length: modal[0].length }
}

/** Where the THE of the system stands: right before its usual name, else behind the last clause, else the last one. */
function findSubject(before: string): Span | undefined {
  const usual = /\bthe\s+system\s*$/i.exec(before)
  if (usual !== null) return { start: usual.index, end: before.length }
  let found: number | undefined
  for (const match of before.matchAll(/(?:^\s*|[,;:]\s*|\bthen\s+)(?=the\b)/gi)) found = match.index + match[0].length
  if (found === undefined) for (const match of before.matchAll(/\bthe\b/gi)) found = match.index
  return found === undefined ? undefined : { start: found, end: before.length }
}

function parseClauses(head: string, faults: EarsFault[]): EarsClause[] {
  const then = /\bthen\b[\s,:]*$/i.exec(head)
  const body = then === null ? head : head.slice(0, then.index)
  const starts = clauseStarts(body)
  const leading = body.slice(0, starts[0]?.start ?? body.length)
  if (hasWord(leading)) {
    const offset = leading.length - leading.trimStart().length
    const reason = 'begins with none of THE, WHEN, WHILE, IF, WHERE'
    faults.push({ reason, offset, length: leading.trim().length })
  }
  const clauses = starts.map(({ keyword, start, end }, index): EarsClause => {
    const text = squeeze(body.slice(end, starts[index + 1]?.start ?? body.length))
    if (!hasWord(text)) faults.push({ reason: `${NOUN_OF[keyword]} is empty`, offset: start, length: end - start })
    return { keyword, text }
  })
  checkTriggers(starts, faults)
  checkThen(starts, then, faults)
  return clauses
}

type ClauseStart = Span & { keyword: EarsKeyword }

function clauseStarts(body: string): ClauseStart[] {
  const starts: ClauseStart[] = []
  for (const match of body.matchAll(/(^\s*|[,;]\s*(?:and\s+)?|)\b(where|while|when|if)\b/gi)) {
    const [whole, lead = '', word = ''] = match
    const opens = match.index === 0 || lead !== ''
    const keyword = EARS_KEYWORDS.find((known) => known === word.toUpperCase())
    if (keyword === undefined || (!opens && word !== keyword)) continue
    const end = match.index + whole.length
    starts.push({ keyword, start: end - word.length, end })
  }
  return starts
}

/** States and features may add up; a second trigger is a second requirement. */
function checkTriggers(starts: readonly ClauseStart[], faults: EarsFault[]): void {
  for (const trigger of ['WHEN', 'IF'] as const) {
    const second = starts.filter(({ keyword }) => keyword === trigger)[1]
    if (second === undefined) continue
    const reason = `a second ${trigger}: write one requirement for each ${NOUN_OF[trigger]}`
    faults.push({ reason, offset: second.start, length: second.end - second.start })
  }
}

function checkThen(starts: readonly ClauseStart[], then: RegExpExecArray | null, faults: EarsFault[]): void {
  const condition = starts.find(({ keyword }) => keyword === 'IF')
  if (condition !== undefined && then === null) {
    const reason = 'IF without THEN right before THE'
    faults.push({ reason, offset: condition.start, length: condition.end - condition.start })
  }
  if (condition === undefined && then !== null) {
    faults.push({ reason: 'THEN without IF', offset: then.index, length: 'then'.length })
  }
}

/** One line, without the punctuation around it. */
const squeeze = (text: string): string => trimEndOf(trimStartOf(text.replace(/\s+/g, ' '), ' ,;:'), ' ,;:.')

const hasWord = (text: string): boolean => /[\p{L}\p{N}]/u.test(text)
