/** Fewer characters than this cannot say what is observed under which condition. */
export const MIN_CRITERION_LENGTH = 12

/** Words that promise something without saying how it shows. */
const VAGUE = new Set(
  `work works working worked well good nice nicely fine properly correctly right appropriately appropriate adequate
  reasonable expected intended required needed user-friendly friendly easy easily intuitive simple robust robustly
  efficient efficiently seamless seamlessly smooth smoothly better best great fast quickly quick modern scalable
  flexible clean everything anything something everyone all feature features functionality system application app
  software code implementation implemented done complete completed tested tests pass passes looks look`.split(/\s+/),
)

/** Words that carry no meaning of their own here. */
const FILLER = new Set(
  `a an the is are be been was were it its this that these those and or of to in on at for with as by from into very
  should shall must will can may would could has have had do does so if then when while there not`.split(/\s+/),
)

/** Signs that an outcome is named: an auxiliary, a number, a comparison, a literal … */
const OUTCOME =
  /\b(?:is|are|was|were|be|has|have|does|do|can|cannot|must|shall|should|will|not|no|never|only|without|within|under|over|at least|at most)\b|\d|[<>=≤≥"'`]/i
/** … or an inflected word. */
const INFLECTED = /..(?:ed|en|ing|s|t)$/

/** Scripts written without spaces, where counting words says nothing. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u

/**
 * Why a criterion cannot be tested; `null` when it can. Testable is a text of at least 12
 * characters with two words or more that are neither vague nor filler, and with a sign of an
 * outcome that can be observed (or five words, which in any language leave room for one).
 */
export function untestable(criterion: string): string | null {
  const text = criterion.trim()
  if (text === '') return 'is empty'
  if (UNSPACED.test(text)) return null
  if (text.length < MIN_CRITERION_LENGTH) return `is too short to be tested: "${text}"`
  const words = text.toLowerCase().match(/[\p{L}\p{N}][\p{L}\p{N}'-]*/gu) ?? []
  const telling = words.filter((word) => !VAGUE.has(word) && !FILLER.has(word))
  if (telling.length < 2) return `says nothing that can be observed: "${clip(text)}"`
  const namesOutcome = OUTCOME.test(text) || words.some((word) => INFLECTED.test(word))
  if (words.length < 5 && !namesOutcome) return `names no outcome: "${clip(text)}"`
  return null
}

/** The criteria that can be tested, each once however it is cased or spaced. */
export function testableCriteria(criteria: readonly string[]): string[] {
  const seen = new Map<string, string>()
  for (const criterion of criteria) {
    const key = criterion
      .toLowerCase()
      .replace(/[\s.]+/g, ' ')
      .trim()
    if (!seen.has(key) && untestable(criterion) === null) seen.set(key, criterion)
  }
  return [...seen.values()]
}

const clip = (text: string): string => (text.length > 80 ? `${text.slice(0, 79)}…` : text)
