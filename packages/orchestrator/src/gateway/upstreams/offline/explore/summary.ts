import { DISCOVERY_CATEGORIES, type ExploreInput } from '@specfleet/shared'
import type { Spec } from '../conversation.ts'
import { collectStatements, type Found } from '../requirements/collect.ts'
import { typeOf } from '../requirements/quality.ts'
import { featureName, MOST_REQUIREMENTS, textsOf } from '../requirements/requirements.ts'
import { type Outline, readOutline } from '../text/outline.ts'
import { roleOf } from '../text/section-roles.ts'
import { capitalised, clip } from '../text/words.ts'

type Summary = Exclude<NonNullable<ExploreInput['feature_summary']>, string>
type Questions = NonNullable<ExploreInput['discovery_questions']>

const MOST_QUESTIONS = 4
const QUOTE = 110

/** What the explore phase says of the feature itself. */
export function aboutFeature(spec: Spec): { discovery_questions: Questions; feature_summary: Summary } {
  const outline = readOutline(spec.text)
  const found = collectStatements(outline).slice(0, MOST_REQUIREMENTS)
  return {
    discovery_questions: discoveryQuestions(spec, outline, found),
    feature_summary: featureSummary(spec, outline, found),
  }
}

/** The feature in the words of its spec. */
function featureSummary(spec: Spec, outline: Outline, found: readonly Found[]): Summary {
  const prose = proseOf(outline)
  return {
    name: featureName(spec, outline),
    one_liner: clip(prose[0] ?? outline.title ?? spec.title, 200),
    problem_statement: clip(prose.slice(0, 4).join(' ') || spec.text.trim(), 1_200),
    scope_in: scopeOf(found),
    scope_out: textsOf(outline, 'out-of-scope'),
    technical_constraints: found
      .filter(({ statement, section }) => typeOf(statement.source, section) === 'constraint')
      .map(({ statement }) => statement.source),
    risks_identified: textsOf(outline, 'risks'),
    success_metrics: textsOf(outline, 'metrics'),
  }
}

/** Sentences that tell why: those of the background, else the first ones there are. */
function proseOf(outline: Outline): string[] {
  const sentences = (sections: Outline['sections']) =>
    sections.flatMap(({ items }) => items.filter(({ kind }) => kind === 'sentence').map(({ text }) => text))
  const background = sentences(
    outline.sections.filter((section) => roleOf(section) === 'background' || section.title === ''),
  )
  return background.length > 0 ? background : sentences(outline.sections)
}

/** The capabilities: the sections that demand something, or the demands where there are no sections. */
function scopeOf(found: readonly Found[]): string[] {
  const titles = [...new Set(found.map(({ section }) => section.title))].filter(Boolean)
  return titles.length > 1
    ? titles
    : found.slice(0, 12).map(({ statement }) => capitalised(clip(statement.response, QUOTE)))
}

/** What should be asked before building: the spec's own questions, and those that its wording leaves open. */
function discoveryQuestions(spec: Spec, outline: Outline, found: readonly Found[]): Questions {
  const sources = found.map(({ statement }) => statement.source)
  const [problem, users, scope, technical, risks] = [
    [
      ...(textsOf(outline, 'metrics').length > 0
        ? []
        : [`How will it be measured that "${outline.title || spec.title || spec.id}" reached its goal?`]),
      ...pick(
        found,
        ({ strength }) => strength === 'must',
        (text) => `What is lost if this is not met: "${text}"?`,
        1,
      ),
    ],
    [
      ...pick(
        found,
        ({ response }) => /^(?:not )?(?:allow|require) /.test(response),
        (text) => `Who else does this concern: "${text}"?`,
        2,
      ),
      'Who uses the result first, and in which situation?',
    ],
    [
      ...textsOf(outline, 'questions'),
      ...pick(
        found,
        ({ strength }) => strength === 'may',
        (text) => `Is this needed in the first release: "${text}"?`,
        2,
      ),
      ...(textsOf(outline, 'out-of-scope').length > 0 ? [] : ['The spec excludes nothing: what must not be built?']),
    ],
    [
      ...quoting(
        sources.filter((text) => /\b(?:stor|persist|sav|record|database|file)/i.test(text)),
        (text) => `Which existing storage serves this: "${text}"?`,
        2,
      ),
      ...quoting(
        sources.filter((text) => /\b(?:api|endpoint|http|GET|POST|PUT|DELETE)\b/.test(text)),
        (text) => `Do existing clients depend on the present behaviour of this: "${text}"?`,
        1,
      ),
      'Which versions of its platform must the result run on?',
    ],
    [
      ...textsOf(outline, 'risks').map((text) => `How is this risk watched: "${clip(text, QUOTE)}"?`),
      ...quoting(
        sources.filter((text) => /\b(?:fast|quick|secure|simple|easy|robust|scalable|efficient)\b/i.test(text)),
        (text) => `Which figure makes this testable: "${text}"?`,
        2,
      ),
      ...quoting(
        sources.filter((text) => /\d/.test(text)),
        (text) => `May this figure change later: "${text}"?`,
        1,
      ),
      'What may be given up first when time runs short?',
    ],
  ]
  return DISCOVERY_CATEGORIES.map((category, index) => ({
    category,
    questions: ([problem, users, scope, technical, risks][index] ?? []).slice(0, MOST_QUESTIONS),
  }))
}

function pick(
  found: readonly Found[],
  which: (statement: Found['statement']) => boolean,
  ask: (text: string) => string,
  most: number,
): string[] {
  return quoting(
    found.filter(({ statement }) => which(statement)).map(({ statement }) => statement.source),
    ask,
    most,
  )
}

const quoting = (texts: readonly string[], ask: (text: string) => string, most: number): string[] =>
  texts.slice(0, most).map((text) => ask(clip(text, QUOTE)))
