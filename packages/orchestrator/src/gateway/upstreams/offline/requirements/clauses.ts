import type { EarsClause, EarsKeyword } from '@specfleet/shared'
import { isThirdPerson, opensWithVerb } from '../text/words.ts'
import { masked } from './mask.ts'
import { findModal } from './modality.ts'

/** A sentence with its conditions taken off. */
export type Clauses = {
  clauses: EarsClause[]
  /** The main clause: who must do what. */
  main: string
  /** A circumstance that led the sentence and belongs behind its predicate, as "after 30 days". */
  circumstance: string
}

const LEADING: readonly (readonly [RegExp, EarsKeyword])[] = [
  [/^(?:when(?:ever)?|once|as soon as|(?:every|each|any) time)\s+/i, 'WHEN'],
  [/^(?:if|in case)\s+/i, 'IF'],
  [/^(?:while|whilst|as long as)\s+/i, 'WHILE'],
  [/^where\s+/i, 'WHERE'],
]
const CIRCUMSTANCE = /^(?:after|at|before|by|during|for|from|in|on|per|to|under|until|upon|with|within|without)\s+/i
const GHERKIN = /^given\s+(.+?),?\s+when\s+(.+?),?\s+then\s+(.+)$/i
const TRAILING = /\s(when(?:ever)?|if|while|as long as)\s+/gi
/** Words before a conjunction that tie it to what precedes. */
const TIED = /\b(?:only|even|except|and|or|but|just|exactly|unless|what|how|than)$|[,;]$/i
const MAX_CLAUSES = 3

export function takeClauses(sentence: string): Clauses {
  const gherkin = GHERKIN.exec(sentence)
  if (gherkin !== null) {
    const [, given = '', when = '', then = ''] = gherkin
    const clauses: EarsClause[] = [
      { keyword: 'WHILE', text: given },
      { keyword: 'WHEN', text: when },
    ]
    return { clauses, main: then, circumstance: '' }
  }
  const led = takeLeading(sentence)
  return led.clauses.length > 0 ? led : takeTrailing(led)
}

function takeLeading(sentence: string): Clauses {
  const clauses: EarsClause[] = []
  let main = sentence
  let circumstance = ''
  for (let taken = 0; taken < MAX_CLAUSES; taken++) {
    const [pattern, keyword] = LEADING.find(([lead]) => lead.test(main)) ?? []
    const split =
      pattern === undefined && !CIRCUMSTANCE.test(main) ? undefined : splitAtMain(main, pattern === undefined)
    if (split === undefined) break
    const text = split.clause.replace(pattern ?? /^/, '')
    if (keyword === undefined) circumstance = split.clause
    else if (clauses.some((clause) => clause.keyword === keyword)) break
    else clauses.push({ keyword, text })
    main = split.main
  }
  return { clauses, main, circumstance }
}

/**
 * Where a leading clause ends: at the comma before the subject of the main clause.
 *
 * @param surely Only where a main clause can be made out; else the first comma is as good as any.
 */
function splitAtMain(sentence: string, surely: boolean): { clause: string; main: string } | undefined {
  const visible = masked(sentence)
  const cut = (at: number, skip: number) => ({
    clause: sentence.slice(0, at).trim(),
    main: sentence
      .slice(at + skip)
      .replace(/^\s*then\s+/i, '')
      .trim(),
  })
  const commas = [...visible.matchAll(/,\s+/g)].map(({ index }) => index)
  const modal = findModal(visible.slice(commas[0] ?? 0))
  if (modal !== undefined) {
    const before = commas.filter((index) => index < (commas[0] ?? 0) + modal.start).at(-1)
    if (before !== undefined) return cut(before, 1)
  }
  const made = commas.find((index) => opensMainClause(sentence.slice(index + 1).trim()))
  const opening = made ?? (surely ? undefined : commas[0])
  if (opening !== undefined) return cut(opening, 1)
  const subject = /\s(?=(?:then|the (?:system|service|app|application|server|api))\s)/i.exec(visible)
  return subject === null ? undefined : cut(subject.index, 0)
}

function opensMainClause(text: string): boolean {
  const [first = '', second = ''] = text.split(/\s+/)
  return (
    /^(?:then|it|the|an?|its|their|every|each|no|all)$/i.test(first) || opensWithVerb(text) || isThirdPerson(second)
  )
}

/** "must answer 404 when the code is unknown": only one condition at the very end can be taken off safely. */
function takeTrailing({ main, circumstance }: Clauses): Clauses {
  const matches = [...masked(main).matchAll(TRAILING)]
  const [match] = matches
  const untouched = { clauses: [], main, circumstance }
  if (match === undefined || matches.length > 1) return untouched
  const head = main.slice(0, match.index).trim()
  const tail = main.slice(match.index + match[0].length).trim()
  const short = head.split(/\s+/).length < 2 || tail.split(/\s+/).length < 2
  if (short || TIED.test(head) || /^(?:possible|needed|necessary|available|asked|required)\b/i.test(tail))
    return untouched
  // What refers back would lose what it refers to.
  if (/^(?:they|it|he|she|this|that|these|its|their|so)\b/i.test(tail) || /,\s/.test(masked(tail))) return untouched
  const keyword = /^when/i.test(match[1] ?? '') ? 'WHEN' : /^if/i.test(match[1] ?? '') ? 'IF' : 'WHILE'
  return { clauses: [{ keyword, text: tail }], main: head.replace(/,$/, ''), circumstance }
}
