import { type EarsClause, parseEars } from '@specfleet/shared'
import { takeClauses } from './clauses.ts'
import { type Demand, readDemand } from './main-clause.ts'

/** A sentence of a spec, read as something that the system must do. */
export type Statement = Demand & {
  /** The sentence as it stands in the spec. */
  source: string
  clauses: EarsClause[]
  /** Why it is wanted, where the spec says so. */
  rationale: string
}

const MARKER = /^(?:\(?[A-Z]{1,6}[-.]?\d+(?:\.\d+)*\)?[:.)]?\s+|\d+(?:\.\d+)+[.)]?\s+|\[[^\]]{1,12}\]\s+)/
/** A text without the number that a list or a catalogue of requirements gave it. */
export const withoutMarker = (text: string): string => text.replace(MARKER, '')

const STORY =
  /^as an? (.+?),? (?:i|we) (?:want|need|would like|wish)(?: to be able)?(?: (to)\b)? ?(.+?)(?:,? so that (.+))?$/i

/** Reads any sentence or bullet; what is no sentence at all becomes something to support. */
export function readStatement(sentence: string, name = ''): Statement {
  const source = sentence.trim()
  const text = withoutMarker(source).replace(/[.;:\s]+$/, '')
  const ready = readyMade(text)
  if (ready !== undefined) return { ...ready, source, rationale: '' }
  const story = STORY.exec(text)
  if (story !== null) return { ...readStory(story), source, clauses: [] }
  const { clauses, main, circumstance } = takeClauses(text)
  const demand = readDemand(main, name)
  const optional = /^optional(?:ly)?\b|\(optional\)|\bnice to have\b/i.test(text)
  return {
    ...(circumstance === '' ? demand : inCircumstance(demand, circumstance)),
    ...(optional ? { strength: 'may' as const } : {}),
    source,
    clauses,
    rationale: '',
  }
}

/** A sentence that already is EARS keeps its clauses and its response. */
function readyMade(text: string): (Demand & { clauses: EarsClause[] }) | undefined {
  const parsed = parseEars(text)
  if (!parsed.ok) return undefined
  const { clauses, response, system } = parsed.requirement
  if (!/^(?:system|service|application|app|server|api)$/i.test(system)) return undefined
  return { ...readDemand(`the system shall ${response}`, ''), clauses }
}

function readStory([, role = '', to, wish = '', reason = '']: RegExpExecArray): Demand & { rationale: string } {
  const who =
    /^(?:users?|admins?|.+s)$/i.test(role) && !/ss$/i.test(role)
      ? role
      : `${/^[aeiou]/i.test(role) ? 'an' : 'a'} ${role}`
  const [response, claim, counterClaim] =
    to === undefined
      ? [`provide ${who} with ${wish}`, `${who} can use ${wish}`, `${who} cannot use ${wish}`]
      : [`allow ${who} to ${wish}`, `${who} can ${wish}`, `${who} cannot ${wish}`]
  return { strength: 'should', response, claim, counterClaim, rationale: reason }
}

function inCircumstance(demand: Demand, circumstance: string): Demand {
  const lower = circumstance.charAt(0).toLowerCase() + circumstance.slice(1)
  return {
    ...demand,
    response: `${demand.response} ${lower}`,
    claim: `${demand.claim} ${lower}`,
    counterClaim: `${demand.counterClaim} ${lower}`,
  }
}
