import { DISCOVERY_CATEGORIES, type ExploreInput } from '@specfleet/shared'
import type { Found } from '../requirements/collect.ts'
import { textsOf } from '../requirements/requirements.ts'
import type { Outline } from '../text/outline.ts'
import { clip } from '../text/words.ts'

type Category = (typeof DISCOVERY_CATEGORIES)[number]
type Statement = Found['statement']

/** A question that the wording of a statement leaves open, asked of the first statements that it fits. */
type Doubt = { fits: (statement: Statement) => boolean; ask: (quote: string) => string; most: number }

const saying = (words: RegExp) => (statement: Statement) => words.test(statement.source)

const DOUBTS: Readonly<Record<Category, readonly Doubt[]>> = {
  'Problem & Value': [
    {
      fits: ({ strength }) => strength === 'must',
      ask: (quote) => `What is lost if this is not met: ${quote}?`,
      most: 1,
    },
  ],
  'Users & Journeys': [
    {
      fits: ({ response }) => /^(?:not )?(?:allow|require) /.test(response),
      ask: (quote) => `Who else does this concern: ${quote}?`,
      most: 2,
    },
  ],
  'Scope & Boundaries': [
    {
      fits: ({ strength }) => strength === 'may',
      ask: (quote) => `Is this needed in the first release: ${quote}?`,
      most: 2,
    },
  ],
  'Technical Context': [
    {
      fits: saying(/\b(?:stor|persist|sav|record|database|file)/i),
      ask: (quote) => `Which existing storage serves this: ${quote}?`,
      most: 2,
    },
    {
      fits: saying(/\b(?:api|endpoint|http|GET|POST|PUT|DELETE)\b/),
      ask: (quote) => `Do existing clients depend on the present behaviour of this: ${quote}?`,
      most: 1,
    },
  ],
  'Trade-offs & Risks': [
    {
      fits: saying(/\b(?:fast|quick|secure|simple|easy|robust|scalable|efficient)\b/i),
      ask: (quote) => `Which figure makes this testable: ${quote}?`,
      most: 2,
    },
    { fits: saying(/\d/), ask: (quote) => `May this figure change later: ${quote}?`, most: 1 },
  ],
}

/** What every spec leaves open in a category, whatever it says. */
const ALWAYS: Readonly<Partial<Record<Category, string>>> = {
  'Users & Journeys': 'Who uses the result first, and in which situation?',
  'Technical Context': 'Which versions of its platform must the result run on?',
  'Trade-offs & Risks': 'What may be given up first when time runs short?',
}

const MOST_QUESTIONS = 4
const QUOTE = 110
const quoted = (text: string): string => `"${clip(text, QUOTE)}"`

/** What should be asked before building: the spec's own questions, and those that its wording leaves open. */
export function discoveryQuestions(
  outline: Outline,
  found: readonly Found[],
): NonNullable<ExploreInput['discovery_questions']> {
  const own = ownQuestions(outline)
  return DISCOVERY_CATEGORIES.map((category) => {
    const doubts = DOUBTS[category].flatMap(({ fits, ask, most }) =>
      found
        .filter(({ statement }) => fits(statement))
        .slice(0, most)
        .map(({ statement }) => ask(quoted(statement.source))),
    )
    const always = ALWAYS[category]
    const questions = [...(own[category] ?? []), ...doubts, ...(always === undefined ? [] : [always])]
    return { category, questions: questions.slice(0, MOST_QUESTIONS) }
  })
}

/** What the spec asks itself, and which of its usual parts it lacks. */
function ownQuestions(outline: Outline): Partial<Record<Category, string[]>> {
  const metrics = textsOf(outline, 'metrics')
  const excluded = textsOf(outline, 'out-of-scope')
  const subject = outline.title === '' ? 'this' : quoted(outline.title)
  return {
    'Problem & Value': metrics.length > 0 ? [] : [`How will it be measured that ${subject} reached its goal?`],
    'Scope & Boundaries': [
      ...textsOf(outline, 'questions'),
      ...(excluded.length > 0 ? [] : ['The spec excludes nothing: what must not be built?']),
    ],
    'Trade-offs & Risks': textsOf(outline, 'risks').map((risk) => `How is this risk watched: ${quoted(risk)}?`),
  }
}
