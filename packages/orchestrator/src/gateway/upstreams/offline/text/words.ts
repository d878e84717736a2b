/** Verbs that begin the bullets of specs, in their base form. */
const VERBS: ReadonlySet<string> = new Set(
  `accept access acknowledge activate add adjust aggregate alert allow analyse analyze announce answer append apply
  approve archive arrange ask assign attach authenticate authorise authorize avoid back batch begin block broadcast
  build bundle cache calculate call cancel capture categorise categorize change charge check choose classify clean
  clear close collect combine compare complete compress compute configure confirm connect contain continue convert
  copy count cover create debounce decline decode decrypt deduplicate default defer define delay delete deliver deny
  depend deploy derive describe detect determine disable discard disconnect display distinguish distribute divide
  download drop duplicate emit enable encode encrypt end enforce ensure enter escape estimate evaluate exclude execute
  exist exit expire explain export expose extend extract fail fetch fill filter find finish flag flush follow force
  format forward generate get give grant group guarantee handle hash have help hide highlight hold identify ignore
  implement import include increase increment index inform inherit initialise initialize insert inspect install
  integrate interpret invalidate invite issue join keep label last let limit link list listen load localise localize
  lock log maintain make manage map mark mask match measure merge migrate minimise minimize mirror modify monitor move
  name navigate normalise normalize notify number offer omit open operate order override page parse pass pause perform
  permit persist pick place play poll populate post preserve prevent preview print prioritise prioritize process
  produce prohibit prompt propagate protect provide prune publish purge push put query queue raise randomise randomize
  read rebuild receive recognise recognize recommend record recover redact redirect reduce refer refresh refund refuse
  register reject release reload remember remind remove rename render renew reopen repeat replace replay reply report
  represent request require reserve reset resize resolve respect respond restart restore restrict resume retain retry
  return reuse reveal revert review revoke rotate round route run sanitise sanitize satisfy save scan schedule scroll
  search secure see select send separate serialise serialize serve set share ship show shut sign skip snooze sort
  specify split start state stay stop store stream strip submit subscribe suggest summarise summarize supply support
  suspend switch sync synchronise synchronize tag take tell terminate test throttle toggle trace track transfer
  transform translate transmit trigger trim truncate try tune turn undo unlock unsubscribe update upgrade upload use
  validate verify view visit wait warn watch work wrap write yield zip`.split(/\s+/),
)

/** Nouns of actions: after a verb-like word they show that it was none, as in "report generation". */
const ACTION_NOUN = /(?:tion|sion|ment|ing|ity|ness|ance|ence|al|ures?|ings)$/i

const IRREGULAR_THIRD: Readonly<Record<string, string>> = { have: 'has', be: 'is', do: 'does', go: 'goes' }
const IRREGULAR_BASE: Readonly<Record<string, string>> = { has: 'have', is: 'be', are: 'be', does: 'do', goes: 'go' }

/** "store" → "stores". */
export function thirdPerson(verb: string): string {
  const known = IRREGULAR_THIRD[verb]
  if (known !== undefined) return known
  if (/(?:s|x|z|ch|sh)$/.test(verb)) return `${verb}es`
  return /[^aeiou]y$/.test(verb) ? `${verb.slice(0, -1)}ies` : `${verb}s`
}

/** The base form of a known verb in the third person, as "stores" → "store"; `undefined` for anything else. */
export function baseForm(word: string): string | undefined {
  const lower = word.toLowerCase()
  const known = IRREGULAR_BASE[lower]
  if (known !== undefined) return known
  const candidates = [lower.replace(/ies$/, 'y'), lower.replace(/es$/, ''), lower.replace(/s$/, '')]
  return /[^s]s$/.test(lower) ? candidates.find((base) => base !== lower && VERBS.has(base)) : undefined
}

/** Whether a phrase opens with a verb in its base form, as a command does. */
export function opensWithVerb(phrase: string): boolean {
  const [first = '', second = ''] = phrase.split(/\s+/)
  const verb = first.toLowerCase().replace(/^(?:re|auto|pre|un|de)-(?=\w)/, '')
  return VERBS.has(verb) && !(ACTION_NOUN.test(second) && !/^(?:existing|incoming|outgoing|missing|all)$/i.test(second))
}

/** Whether a word is a finite verb: an auxiliary, or a known verb in the third person. */
export const isThirdPerson = (word: string): boolean => baseForm(word) !== undefined

export const isVerb = (word: string): boolean => VERBS.has(word.toLowerCase())

/** Whether the subject of a sentence stands in the plural. */
export function isPlural(subject: string): boolean {
  const words = subject.toLowerCase().split(/\s+/)
  if (/^(?:each|every|any|an?|one|no|this|that|it|what|whatever)$/.test(words[0] ?? '')) return false
  if (/^(?:these|those|all|both|many|several|they)$/.test(words[0] ?? '')) return true
  const bare = subject.replace(/\s*\([^)]*\)/g, '')
  const head = bare.split(/\s+(?:of|in|for|with|without|from|to|on|at|by|that|which|who)\s+/i, 1)[0] ?? ''
  return /\band\b/i.test(head) || /[^s'iu]s$/i.test(head.trim())
}

const SMALL_WORDS = new Set(
  `a an and any are as at be been but by can could do does each every for from had has have if in into is it its may
  must no nor not of on or our own per shall should so such than that the their them then there these they this those
  through to too under unless until up upon via was were what when where which while who will with within without
  would you your system ensure allow support only all also more most least at`.split(/\s+/),
)

/** The words that carry meaning, lower-cased, in their order, repetitions included. */
export function tellingWords(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}][\p{L}\p{N}_-]*/gu) ?? []
  return words.filter((word) => word.length > 2 && !SMALL_WORDS.has(word) && !/^\d+$/.test(word))
}

/** The words of a name in any case style, lower-cased: `parseURLList` → parse, url, list. */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([\p{Ll}\p{N}])(\p{Lu})/gu, '$1 $2')
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean)
    .map((word) => word.toLowerCase())
}

const LONGEST_WORD = 24

/** ASCII words for identifiers and file names; what has no ASCII letters falls away. */
export const identifierWords = (text: string): string[] =>
  wordsOf(text.normalize('NFKD').replace(/\p{M}/gu, '').replace(/[’']/g, ''))
    .flatMap((word) => word.match(/[a-z0-9]+/g) ?? [])
    .map((word) => word.slice(0, LONGEST_WORD))

export const kebabCase = (words: readonly string[]): string => words.join('-')
export const snakeCase = (words: readonly string[]): string => words.join('_')
export const pascalCase = (words: readonly string[]): string => words.map(capitalised).join('')
export const camelCase = (words: readonly string[]): string => {
  const [first = '', ...rest] = words
  return first + pascalCase(rest)
}

/** Capitalises a first letter, but not that of a figure such as `p95`. */
export const capitalised = (text: string): string =>
  /^\p{Ll}+\d/u.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1)

/** Lower-cases a first letter, but not that of an acronym, a code span or a name such as `iOS`. */
export const decapitalised = (text: string): string =>
  /^\p{Lu}(?:\p{Ll}|\s|$)/u.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text

/** "entries" → "entry", "aliases" → "alias"; what is singular stays. */
export function singular(word: string): string {
  if (/ies$/.test(word)) return `${word.slice(0, -3)}y`
  if (/(?:s|x|z|ch|sh)es$/.test(word)) return word.slice(0, -2)
  return /(?:[sui]s|\b(?:ali|canv|atl|bi|g)as)$/.test(word) ? word : word.replace(/s$/, '')
}

/** At most so many characters, cut between words. */
export function clip(text: string, most: number): string {
  if (text.length <= most) return text
  const cut = text.slice(0, most - 1)
  return `${cut.slice(0, Math.max(cut.lastIndexOf(' '), most / 2)).trimEnd()}…`
}
