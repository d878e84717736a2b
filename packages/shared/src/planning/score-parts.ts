import { testableCriteria } from './criteria.ts'
import { parseEars } from './ears.ts'
import { DISCOVERY_CATEGORIES, type ExploreOutput } from './outputs/explore.ts'
import type { RequirementsOutput } from './outputs/requirements.ts'

/** One aspect of how good an output is. */
export interface ScorePart {
  name: string
  /** Share of the whole; the weights of a phase add up to 1. */
  weight: number
  /** 0 to 1. */
  value: number
  /** What would raise the value. */
  hint: string
}

export const part = (name: string, weight: number, value: number | boolean, hint: string): ScorePart => ({
  name,
  weight,
  value: Math.min(1, Math.max(0, Number(value))),
  hint,
})

/** How near a count comes to what is wanted. */
export const upTo = (count: number, wanted: number): number => count / wanted

/** The share of entries that satisfy; nothing satisfies where there is nothing. */
export const share = <T>(entries: readonly T[], satisfies: (entry: T) => boolean): number =>
  entries.length === 0 ? 0 : entries.filter(satisfies).length / entries.length

export const average = (values: readonly (boolean | number)[]): number =>
  values.reduce<number>((sum, value) => sum + Number(value), 0) / values.length

/** A text counts half until it is longer than that. */
export const longer = (text: string, length: number): number => (text.length > length ? 1 : text.length > 0 ? 0.5 : 0)

export function exploreParts(output: ExploreOutput): ScorePart[] {
  const { conventions, featureSummary } = output
  const asked = new Set(
    output.discoveryQuestions.filter(({ questions }) => questions.length > 0).map(({ category }) => category),
  )
  return [
    part(
      'codebase summary',
      0.12,
      longer(output.codebaseSummary, 50),
      'describe the codebase in more than 50 characters',
    ),
    part('project type', 0.08, output.projectType !== '', 'name the kind of project'),
    part('tech stack', 0.1, upTo(output.techStack.length, 2), 'name two or more technologies'),
    part('structure', 0.1, upTo(output.structure.length, 2), 'map two or more areas to their paths'),
    part(
      'key files',
      0.15,
      upTo(output.keyFiles.filter(({ path, purpose }) => path !== '' && purpose !== '').length, 3),
      'name three or more files with their purpose',
    ),
    part(
      'conventions',
      0.1,
      average([conventions.naming !== '', conventions.testing !== '', conventions.patterns.length > 0]),
      'say how things are named and tested, and which patterns recur',
    ),
    part(
      'discovery questions',
      0.15,
      share(DISCOVERY_CATEGORIES, (category) => asked.has(category)),
      `ask something in each of: ${DISCOVERY_CATEGORIES.join(', ')}`,
    ),
    part(
      'feature summary',
      0.12,
      average([
        featureSummary.name !== '',
        featureSummary.problemStatement !== '',
        featureSummary.scopeIn.length > 0,
        featureSummary.scopeOut.length > 0,
      ]),
      'give name, problem statement, scope_in and scope_out',
    ),
    part('patterns', 0.04, output.relevantPatterns.length > 0, 'name a pattern to follow'),
    part('related code', 0.04, output.relatedToFeature.length > 0, 'name existing code that the feature touches'),
  ]
}

export function requirementsParts(output: RequirementsOutput): ScorePart[] {
  const { requirements, traceability } = output
  return [
    part(
      'fields',
      0.2,
      share(
        requirements,
        ({ title, type, text, acceptanceCriteria }) =>
          title !== '' && type !== '' && text !== '' && acceptanceCriteria.length > 0,
      ),
      'give every requirement id, title, type, text, priority and criteria',
    ),
    part(
      'normative keyword',
      0.2,
      share(requirements, ({ text }) => /\bshall\b/i.test(text)),
      'use SHALL in every requirement',
    ),
    part(
      'criteria',
      0.2,
      share(requirements, ({ acceptanceCriteria }) => testableCriteria(acceptanceCriteria).length >= 2),
      'give every requirement two or more testable criteria',
    ),
    part(
      'EARS',
      0.15,
      share(requirements, ({ text }) => parseEars(text).ok),
      'write every requirement in an EARS pattern',
    ),
    part('feature name', 0.05, output.featureName !== '', 'name the feature'),
    part(
      'ids',
      0.05,
      share(requirements, ({ id }) => /^REQ-/.test(id)),
      'let every id start with REQ-',
    ),
    part('assumptions', 0.05, output.assumptions.length > 0, 'state what is taken for granted'),
    part('out of scope', 0.05, output.outOfScope.length > 0, 'state what will not be built'),
    part(
      'traceability',
      0.05,
      traceability.prdSections.length + traceability.designComponents.length > 0,
      'say where the requirements come from, or which components will answer them',
    ),
  ]
}
