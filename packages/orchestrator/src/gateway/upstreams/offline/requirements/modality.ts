/** How binding a statement is. */
export type Strength = 'must' | 'should' | 'may'

export type Modal = {
  start: number
  end: number
  strength: Strength
  negative: boolean
  /** It grants an ability or a permission: can, may, is able to. */
  grants: boolean
}

const STRONG = 'must|shall|ha(?:s|ve) to|needs? to|(?:is|are) (?:required|obliged) to'
const MIDDLE = 'should|will|would|(?:is|are) (?:expected|supposed) to|ought to'
const ABLE = 'can|could|may|might|(?:is|are) (?:able|allowed|permitted) to'
const REFUSED = "cannot|can't|couldn't|(?:is|are) not (?:able|allowed|permitted) to"
const NEGATED = "mustn't|shan't|shouldn't|won't|wouldn't"
const NEGATION = String.raw`(?:\s+(not|never)(?!\s+only)\b)?`

/** The strongest first: in "links that cannot be read must be dropped" the statement is the must. */
const PATTERNS: readonly (readonly [RegExp, Strength, boolean])[] = [
  [new RegExp(String.raw`\b(?:${STRONG})\b${NEGATION}`, 'gi'), 'must', false],
  [new RegExp(String.raw`\b(?:${NEGATED})`, 'gi'), 'must', false],
  [new RegExp(String.raw`\b(?:${MIDDLE})\b${NEGATION}`, 'gi'), 'should', false],
  [new RegExp(String.raw`\b(?:${REFUSED})`, 'gi'), 'must', true],
  [new RegExp(String.raw`\b(?:${ABLE})\b${NEGATION}`, 'gi'), 'may', true],
]

/** A modal behind one of these belongs to a relative clause and demands nothing. */
const RELATIVE = /\b(?:that|which|who|whom|how|whether)\s+$/i

/** The modal verb that makes a sentence a requirement. */
export function findModal(text: string): Modal | undefined {
  for (const [pattern, strength, grants] of PATTERNS) {
    const match = text.matchAll(pattern).find(({ index }) => !RELATIVE.test(text.slice(0, index)))
    if (match === undefined) continue
    const negative = match[1] !== undefined || /(?:n't|nnot|\bnot\b)/i.test(match[0])
    const able = /^\s+be (?:able|allowed|permitted) to\b/i.exec(text.slice(match.index + match[0].length))
    return {
      start: match.index,
      end: match.index + match[0].length + (able?.[0].length ?? 0),
      // What may not be is as binding as what must be.
      strength: negative ? 'must' : strength,
      negative,
      grants: grants || able !== null,
    }
  }
  return undefined
}
