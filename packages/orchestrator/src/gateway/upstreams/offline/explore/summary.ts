import type { ExploreInput } from '@specfleet/shared'
import type { Spec } from '../conversation.ts'
import { collectStatements, type Found } from '../requirements/collect.ts'
import { typeOf } from '../requirements/quality.ts'
import { featureName, MOST_REQUIREMENTS, textsOf } from '../requirements/requirements.ts'
import { type Outline, readOutline } from '../text/outline.ts'
import { roleOf } from '../text/section-roles.ts'
import { capitalised, clip } from '../text/words.ts'
import { discoveryQuestions } from './questions.ts'

type Summary = Exclude<NonNullable<ExploreInput['feature_summary']>, string>
type Questions = NonNullable<ExploreInput['discovery_questions']>

const QUOTE = 110

/** What the explore phase says of the feature itself. */
export function aboutFeature(spec: Spec): { discovery_questions: Questions; feature_summary: Summary } {
  const outline = readOutline(spec.text)
  const found = collectStatements(outline).slice(0, MOST_REQUIREMENTS)
  return {
    discovery_questions: discoveryQuestions(outline, found),
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
