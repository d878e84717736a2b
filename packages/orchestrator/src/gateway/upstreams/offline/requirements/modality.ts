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
  [new RegExp(String.raw`\b(?:${STRONG})\b${NEGATION}`, 'i'), 'must', false],
  [new RegExp(String.raw`\b(?:${NEGATED})`, 'i'), 'must', false],
  [new RegExp(String.raw`\b(?:${MIDDLE})\b${NEGATION}`, 'i'), 'should', false],
  [new RegExp(String.raw`\b(?:${REFUSED})`, 'i'), 'must', true],
  [new RegExp(String.raw`\b(?:${ABLE})\b${NEGATION}`, 'i'), 'may', true],
]

/** The modal verb that makes a sentence a requirement. */
export function findModal(text: string): Modal | undefined {
  for (const [pattern, strength, grants] of PATTERNS) {
    const match = pattern.exec(text)
    if (match === null) continue
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
