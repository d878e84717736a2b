import * as z from 'zod'
import { distinct, textOf, textsOf, WildText, WildTexts } from './dialects.ts'
import type { FeatureSummary } from './explore.ts'

/** Product requirements: an extra document that some users bring. It has no phase here and enriches the feature summary. */
export const PrdInput = z.looseObject({
  overview: z
    .looseObject({
      feature_name: z.string().optional(),
      one_liner: z.string().optional(),
      problem_statement: WildText.optional(),
    })
    .optional(),
  goals: z
    .union([
      z.looseObject({
        primary: WildTexts.optional(),
        secondary: WildTexts.optional(),
        success_metrics: WildTexts.optional(),
      }),
      z.array(WildText),
    ])
    .optional(),
  users: z
    .union([z.looseObject({ primary: WildTexts.optional(), secondary: WildTexts.optional() }), z.array(WildText)])
    .optional(),
  user_stories: z
    .array(
      z.looseObject({
        id: z.string().optional(),
        role: z.string().optional(),
        want: z.string().optional(),
        benefit: z.string().optional(),
        story: z.string().optional(),
        acceptance_criteria: WildTexts.optional(),
      }),
    )
    .optional(),
  scope: z.looseObject({ in_scope: WildTexts.optional(), out_of_scope: WildTexts.optional() }).optional(),
  assumptions: WildTexts.optional(),
  constraints: z
    .union([
      z.looseObject({ technical: WildTexts.optional(), business: WildTexts.optional() }),
      z.array(WildText),
      z.string(),
    ])
    .optional(),
  risks: WildTexts.optional(),
  open_questions: WildTexts.optional(),
})
export type PrdInput = z.infer<typeof PrdInput>

/** The summary with what the product requirements add: a text only where none was, lists joined. */
export function foldPrd(summary: FeatureSummary, prd: PrdInput | undefined): FeatureSummary {
  if (prd === undefined) return summary
  const goals = splitOf(prd.goals)
  const constraints = typeof prd.constraints === 'string' ? { technical: prd.constraints } : splitOf(prd.constraints)
  const users = splitOf(prd.users)
  const join = (known: string[], ...more: unknown[]) => distinct([...known, ...more.flatMap(textsOf)])
  return {
    name: summary.name || textOf(prd.overview?.feature_name),
    oneLiner: summary.oneLiner || textOf(prd.overview?.one_liner),
    problemStatement: summary.problemStatement || textOf(prd.overview?.problem_statement),
    scopeIn: join(summary.scopeIn, prd.scope?.in_scope),
    scopeOut: join(summary.scopeOut, prd.scope?.out_of_scope),
    technicalConstraints: join(summary.technicalConstraints, constraints.technical, constraints.business),
    risks: join(summary.risks, prd.risks),
    successMetrics: join(summary.successMetrics, goals.success_metrics),
    goals: join(summary.goals, goals.primary, goals.secondary),
    users: join(summary.users, users.primary, users.secondary),
    stories: [...summary.stories, ...storiesOf(prd.user_stories ?? [])],
    assumptions: join(summary.assumptions, prd.assumptions),
    openQuestions: join(summary.openQuestions, prd.open_questions),
  }
}

/** A list stands for the first of its two halves. */
function splitOf<T extends object>(value: T | unknown[] | undefined): Partial<Record<string, unknown>> {
  return Array.isArray(value) ? { primary: value, technical: value } : { ...value }
}

function storiesOf(stories: NonNullable<PrdInput['user_stories']>): FeatureSummary['stories'] {
  return stories.map(({ id, role, want, benefit, story, acceptance_criteria }, index) => ({
    id: id?.trim() || `US-${String(index + 1).padStart(3, '0')}`,
    story:
      story ??
      [role && `As ${role}`, want && `I want ${want}`, benefit && `so that ${benefit}`].filter(Boolean).join(', '),
    acceptanceCriteria: textsOf(acceptance_criteria),
  }))
}
