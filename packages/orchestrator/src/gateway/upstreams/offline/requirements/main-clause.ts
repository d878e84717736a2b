import {
  baseForm,
  decapitalised,
  isPlural,
  isThirdPerson,
  isVerb,
  opensWithVerb,
  singular,
  thirdPerson,
} from '../text/words.ts'
import { masked } from './mask.ts'
import { findModal, type Modal, type Strength } from './modality.ts'

/** What a main clause asks of the system. */
export type Demand = {
  strength: Strength
  /** What follows SHALL: a verb in its base form with the rest, perhaps after "not". */
  response: string
  /** The same as a plain sentence that a test can find true. */
  claim: string
  /** The sentence that must be false. */
  counterClaim: string
}

const SYSTEM =
  /^(?:(?:the|this|our|its)\s+)?(?:system|service|server|app|application|api|tool|platform|product|backend|program|library|cli|software|website|site|solution|feature|it|we)$/i
const AGENTS = new Set(
  `user admin administrator client caller visitor customer operator owner member guest anyone anybody everyone nobody
  somebody person people developer manager reader author editor moderator reviewer subscriber player student teacher
  staff employee seller buyer maintainer team consumer viewer recipient sender organiser organizer participant
  patient doctor agent`.split(/\s+/),
)
const ADVERB = /^(?:also|always|only|never|still|then|both|\w+ly)\s+/i
const FILLER =
  /^(?:please|make sure (?:that )?|ensure (?:that )?|it is (?:important|required|necessary|essential) that|we (?:want|need|would like) (?:to )?)\s*/i

/** @param name What the spec calls the thing it describes; as a subject it means the system. */
export function readDemand(main: string, name: string): Demand {
  const text = main.replace(FILLER, '').replace(/[.;,:\s]+$/, '')
  const modal = findModal(masked(text))
  return modal === undefined ? withoutModal(text, name) : withModal(text, modal, name)
}

/** Whether a text says something about how the system behaves, rather than merely naming a thing. */
export const isClause = (text: string): boolean =>
  findModal(masked(text)) !== undefined ||
  opensWithVerb(text) ||
  isThirdPerson(text.split(/\s+/, 1)[0] ?? '') ||
  finiteVerb(text) !== undefined

/** Whether a sentence tells what the system does, as "the service stores links". */
export function isAboutSystem(sentence: string, name: string): boolean {
  const at = finiteVerb(sentence)
  return at !== undefined && isSystem(wordsBefore(sentence, at), name)
}

function withModal(text: string, modal: Modal, name: string): Demand {
  const subject = text.slice(0, modal.start).trim().replace(/,$/, '')
  const predicate = text.slice(modal.end).trim()
  const { strength, negative } = modal
  const there = /^there$/i.test(subject) ? predicate.replace(/^be\s+/i, '') : undefined
  if (there !== undefined) return act(strength, negative, `provide ${there}`)
  const possible = /^be possible (?:for (.+?) )?to (.+)$/i.exec(predicate)
  if (/^it$/i.test(subject) && possible !== null) {
    return grant(strength, possible[1] ?? 'clients', possible[2] ?? '')
  }
  if (subject === '' || isSystem(subject, name)) return act(strength, negative, predicate)
  const who = decapitalised(subject)
  if (isAgent(subject) && negative) return refuse(who, predicate)
  if (isAgent(subject) && modal.grants) return grant(strength === 'may' ? 'should' : strength, who, predicate)
  if (isAgent(subject) && strength === 'must') return oblige(who, predicate)
  const says = (not: boolean) =>
    `${who} ${modal.grants ? `${not ? 'cannot' : 'can'} ${predicate}` : conjugated(predicate, isPlural(subject), not)}`
  return state(strength, says(negative), says(!negative))
}

function withoutModal(text: string, name: string): Demand {
  const plain = decapitalised(text)
  const supported = /^support (?:for|of) (.+)$/i.exec(text)
  if (supported !== null) return act('should', false, `support ${supported[1]}`)
  const forbidden = /^(?:never|do not|don't|does not)\s+(.+)$/i.exec(text)
  if (forbidden !== null) return act('must', true, forbidden[1] ?? '')
  const built = /^(?:build|implement|introduce|develop)\s+(.+)$/i.exec(text)
  if (built !== null) return act('should', false, `provide ${built[1]}`)
  if (/^no\s+/i.test(text) && finiteVerb(text) === undefined) {
    return state('must', `there is ${plain}`, `there is ${plain.replace(/^no\s+/, '')}`)
  }
  const [first = '', ...rest] = text.split(/\s+/)
  const announced = AMBIGUOUS.test(first.toLowerCase()) && /^[^:.]{2,40}:\s/.test(text)
  if (opensWithVerb(text.replace(ADVERB, '')) && !announced) return act('should', false, plain)
  const base = baseForm(first)
  const noun = base !== undefined && AMBIGUOUS.test(base) && finiteVerb(text) === 1
  if (base !== undefined && rest.length > 0 && !noun) return act('should', false, [base, ...rest].join(' '))
  const measured = MEASURE.exec(plain)
  if (measured !== null && finiteVerb(text) === undefined) {
    const [, what = '', figure = ''] = measured
    const verb = isPlural(what) ? 'are' : 'is'
    return state('should', `${what} ${verb} ${figure}`, `${what} ${verb} not ${figure}`)
  }
  return finite(text, name) ?? act('should', false, `support ${plain}`)
}

/** A quantity with its bound and without a verb, as "p95 latency below 50 ms". */
const MEASURE =
  /^(.+?)[:,]?\s+((?:under|below|above|at most|at least|within|(?:no )?(?:less|more|fewer) than)\s+\d.*)$/i

/** "The service stores links", "users delete their links", "each link expires after a day". */
function finite(text: string, name: string): Demand | undefined {
  const at = finiteVerb(text)
  if (at === undefined) return undefined
  const subject = wordsBefore(text, at)
  const [verb = '', ...rest] = text.split(/\s+/).slice(at)
  const predicate = [baseForm(verb) ?? verb, ...rest].join(' ')
  if (isSystem(subject, name)) return act('should', false, predicate)
  const auxiliary = /^(?:is|are|has|have|was|were|does|do)$/i.test(verb)
  if (isAgent(subject) && !auxiliary) return grant('should', decapitalised(subject), predicate)
  const contrary = auxiliary ? `${verb} not ${rest.join(' ')}` : `${isPlural(subject) ? 'do' : 'does'} not ${predicate}`
  const counter = /\b(?:not|never)$/i.test(subject)
    ? `${subject.replace(/\s+\S+$/, '')} ${verb} ${rest.join(' ')}`
    : `${subject} ${contrary}`
  return state('should', decapitalised(text), decapitalised(counter).replace(/ not not /, ' '))
}

function act(strength: Strength, negative: boolean, predicate: string): Demand {
  const shall = decapitalised(predicate)
  const does = `the system ${conjugated(shall, false, false)}`
  const doesNot = `the system ${conjugated(shall, false, true)}`
  return negative
    ? { strength: 'must', response: `not ${shall}`, claim: doesNot, counterClaim: does }
    : { strength, response: shall, claim: does, counterClaim: doesNot }
}

const state = (strength: Strength, claim: string, counterClaim: string): Demand => ({
  strength,
  response: `ensure that ${claim}`,
  claim,
  counterClaim,
})

const grant = (strength: Strength, who: string, predicate: string): Demand => ({
  strength,
  response: `allow ${who} to ${predicate}`,
  claim: `${who} can ${predicate}`,
  counterClaim: `${who} cannot ${predicate}`,
})

function oblige(who: string, predicate: string): Demand {
  const [does, is] = isPlural(who) ? ['do', 'are'] : ['does', 'is']
  const breach = `${who} who ${does} not ${predicate}`
  return {
    strength: 'must',
    response: `require ${who} to ${predicate}`,
    claim: `${breach} ${is} refused`,
    counterClaim: `${breach} ${is} served`,
  }
}

const refuse = (who: string, predicate: string): Demand => ({
  strength: 'must',
  response: `not allow ${who} to ${predicate}`,
  claim: `an attempt by ${who} to ${predicate} is refused and changes nothing`,
  counterClaim: `${who} can ${predicate}`,
})

/** A predicate in its base form as the finite one of a subject. */
function conjugated(predicate: string, plural: boolean, negative: boolean): string {
  const adverb = ADVERB.exec(predicate)?.[0] ?? ''
  const [verb = '', ...rest] = predicate.slice(adverb.length).split(/\s+/)
  const tail = rest.length === 0 ? '' : ` ${rest.join(' ')}`
  const lower = verb.toLowerCase()
  if (lower === 'be') return `${adverb}${plural ? 'are' : 'is'}${negative ? ' not' : ''}${tail}`
  if (lower === 'not') return conjugated(rest.join(' '), plural, !negative)
  if (negative) return `${plural ? 'do' : 'does'} not ${adverb}${verb}${tail}`
  return `${adverb}${plural ? verb : thirdPerson(verb)}${tail}`
}

const isSystem = (subject: string, name: string): boolean =>
  SYSTEM.test(subject) || (name !== '' && subject.replace(/^the\s+/i, '').toLowerCase() === name.toLowerCase())

function isAgent(subject: string): boolean {
  const head = subject.split(/\s+(?:who|that|which|of|with|in|from|without)\s+/i, 1)[0] ?? ''
  const last = head.toLowerCase().split(/\s+/).at(-1) ?? ''
  return AGENTS.has(last) || AGENTS.has(singular(last)) || /\bno one$/i.test(head)
}

const wordsBefore = (text: string, count: number): string => text.split(/\s+/).slice(0, count).join(' ')

/** Verbs whose third person is as often a plural noun: only behind a determiner they are taken for verbs. */
const AMBIGUOUS =
  /^(?:access|alert|batch|block|cache|call|change|charge|check|copy|count|default|delay|display|drop|end|estimate|export|filter|flag|format|group|hash|help|highlight|import|increase|index|issue|label|limit|link|list|load|lock|log|map|mark|mask|match|measure|name|number|offer|order|override|page|pause|place|play|post|preview|print|process|prompt|query|queue|record|redirect|refund|release|reply|report|request|reset|review|route|run|scan|schedule|search|share|ship|sort|split|start|state|stop|stream|supply|support|switch|tag|test|trace|track|transfer|trigger|update|upgrade|upload|use|view|visit|watch|work|wrap)$/
const MAX_SUBJECT_WORDS = 7

/** Behind a noun these are no verbs, even before an article. */
const LINKING =
  /^(?:of|in|for|with|to|from|by|on|at|and|or|per|as|than|over|under|without|within|between|until|via|into|about|like|but|not)$/i
const ARTICLE = /^(?:the|an?|its|their|all|every|each|any|no)$/i

/** The position of the verb that makes a text a sentence; `undefined` for a mere noun phrase. */
function finiteVerb(text: string): number | undefined {
  const words = masked(text)
    .split(/\s+/)
    .slice(0, MAX_SUBJECT_WORDS + 1)
  const determined = /^(?:the|an?|each|every|any|all|it|this|that|its|our)$/i.test(words[0] ?? '')
  for (const [index, word] of words.entries()) {
    if (index === 0) continue
    if (/^(?:is|are|has|have|does|was|were)$/i.test(word)) return index
    const base = baseForm(word)
    if (base !== undefined && (!AMBIGUOUS.test(base) || (determined && index > 1))) return index
    const subject = words.slice(0, index).join(' ')
    if (!isPlural(subject)) continue
    if (isVerb(word) && (index === 1 || !AMBIGUOUS.test(word.toLowerCase()) || isAgent(subject))) return index
    // An unknown word between a plural and an article can be nothing else, as in "runs outlive the process".
    const between = index === 1 && !LINKING.test(word) && ARTICLE.test(words[index + 1] ?? '')
    if (between && !/s$/i.test(word)) return index
  }
  return undefined
}
