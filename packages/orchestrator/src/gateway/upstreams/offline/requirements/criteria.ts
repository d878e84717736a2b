import { testableCriteria } from '@specfleet/shared'
import { capitalised } from '../text/words.ts'
import type { Statement } from './statement.ts'

const MOST_CRITERIA = 6
const LEADS = { WHEN: 'When', WHILE: 'While', IF: 'If', WHERE: 'Where' } as const

/**
 * Outcomes that a test can observe, taken from the statement itself: what it claims, what must then
 * not be, the edges of its figures, its status codes and its literals.
 *
 * @param details What the spec lists below the statement, or as its acceptance criteria.
 */
export function criteriaOf(statement: Statement, details: readonly string[]): string[] {
  const { claim, counterClaim, clauses, source } = statement
  const lead = clauses.map(({ keyword, text }, index) => {
    const word = LEADS[keyword]
    return `${index === 0 ? word : word.toLowerCase()} ${text}, `
  })
  const specific = [
    ...details.map(ended),
    ended(capitalised(`${lead.join('')}${claim}`)),
    ...figures(source),
    ...codes(source),
  ]
  const general = [...contrast(statement), violation(lead.join(''), counterClaim), ...literals(source)]
  const enough = testableCriteria(specific)
  return [...enough, ...testableCriteria(general).slice(0, Math.max(1, 2 - enough.length))].slice(0, MOST_CRITERIA)
}

/** A trigger that is absent must not have the effect. */
function contrast({ clauses, counterClaim }: Statement): string[] {
  const [clause, ...more] = clauses
  if (clause === undefined || more.length > 0 || !counterClaim.startsWith('the system does not ')) return []
  return [`Unless ${clause.text}, ${counterClaim}.`]
}

const violation = (lead: string, counterClaim: string): string =>
  `A test fails if the following is observed: ${lead.charAt(0).toLowerCase()}${lead.slice(1)}${counterClaim}.`

const NUMBER = String.raw`(\d[\d.,_]*)(?:\s?(%|°C|[kKMG]i?B\b|[\p{L}]+))?`
const UPPER = new RegExp(
  String.raw`\b(at most|up to|no more than|not more than|a? ?maximum of|max\.?|within|no longer than)\s+${NUMBER}`,
  'giu',
)
const BELOW = new RegExp(String.raw`\b(under|below|less than|fewer than|shorter than|faster than)\s+${NUMBER}`, 'giu')
const LOWER = new RegExp(String.raw`\b(at least|a? ?minimum of|min\.?|no fewer than|no less than)\s+${NUMBER}`, 'giu')
const RANGE = new RegExp(String.raw`\b(?:between\s+)?(\d+)\s?(?:-|–|—|to|and)\s?${NUMBER}`, 'giu')

/** The edges of every figure: there the mistakes are. */
function figures(text: string): string[] {
  const edges = (pattern: RegExp, say: (figure: string) => string) =>
    [...text.matchAll(pattern)].map(([, , value = '', unit = '']) =>
      say(unit === '' ? trimmed(value) : `${trimmed(value)} ${unit}`),
    )
  return [
    ...edges(UPPER, (figure) => `The edge is tested: exactly ${figure} still conforms, anything above does not.`),
    ...edges(BELOW, (figure) => `The edge is tested: a measurement of ${figure} or above counts as a violation.`),
    ...edges(LOWER, (figure) => `The edge is tested: exactly ${figure} conforms, anything below does not.`),
    ...[...text.matchAll(RANGE)]
      .filter(
        ([range, low = '', high = '']) =>
          Number(low) < Number(trimmed(high)) &&
          !/\band\b/.test(range.replace(/^between/i, '')) === !/^between/i.test(range),
      )
      .map(([, low, high = '', unit = '']) =>
        `Both edges are tested: ${low} and ${trimmed(high)} ${unit || ''} conform, one step outside does not.`.replace(
          /\s+/g,
          ' ',
        ),
      ),
  ]
}

const trimmed = (value: string): string => value.replace(/[.,_]+$/, '')

const STATUS = /(?:^|[\s`(])([2-5]\d\d)(?=[\s`).,;:]|$)/g

function codes(text: string): string[] {
  if (
    !/\b(?:HTTP|status|code|answers?|answered|responds?|response|returns?|redirects?|rejects?|rejected|refuses?|refused|with)\b/i.test(
      text,
    )
  )
    return []
  return [...text.matchAll(STATUS)].map(([, code]) => `The observed HTTP status is ${code}.`)
}

function literals(text: string): string[] {
  const found = [...text.matchAll(/`([^`]{2,60})`/g)].map(([, literal]) => literal)
  return found.length === 0
    ? []
    : [
        `The test uses the literals of the spec as they are written: ${found
          .slice(0, 4)
          .map((literal) => `\`${literal}\``)
          .join(', ')}.`,
      ]
}

const ended = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)
