import * as z from 'zod'
import { trimEndOf } from '../trimming.ts'
import { idsOf, type Normalised, normaliseBy, textOf, textsOf, WildIds, WildText, WildTexts } from './dialects.ts'
import { numberIds } from './numbering.ts'
import { Priority, priorityOf } from './vocabulary.ts'

const RequirementInput = z.looseObject({
  id: z.string().optional().describe('Unique id that starts with REQ-, as in REQ-AUTH-FUNC-001.'),
  title: z.string().optional().describe('The capability in three to six words.'),
  type: z.string().optional().describe('functional, security, performance, usability, reliability or constraint.'),
  category: z.string().optional(),
  priority: z.string().optional().describe('HIGH, MEDIUM or LOW.'),
  text: z
    .string()
    .optional()
    .describe(
      'One EARS sentence: "THE SYSTEM SHALL …", "WHEN <event>, THE SYSTEM SHALL …", "WHILE <state>, THE SYSTEM SHALL …", "IF <unwanted>, THEN THE SYSTEM SHALL …", "WHERE <feature>, THE SYSTEM SHALL …" or a combination.',
    ),
  description: z.string().optional().describe('Other name of text; leave it out.'),
  condition: z.string().optional().describe('The WHEN part, only where text is not given.'),
  action: z.string().optional().describe('The SHALL part, only where text is not given.'),
  acceptance_criteria: WildTexts.optional().describe('Two or more outcomes that a test can observe.'),
  dependencies: WildIds.optional().describe('Ids of requirements that this one builds on.'),
  notes: WildText.optional(),
  rationale: WildText.optional(),
})

/** What a model hands in for the requirements phase. */
export const RequirementsInput = z.looseObject({
  feature_name: z.string().optional().describe('Name of the feature in kebab-case.'),
  feature: z.string().optional().describe('Other name of feature_name; leave it out.'),
  requirements: z.array(RequirementInput).describe('Every requirement of the spec, one behaviour each.'),
  assumptions: WildTexts.optional().describe('What is taken for granted.'),
  out_of_scope: WildTexts.optional().describe('What will not be built.'),
  open_questions: WildTexts.optional(),
  traceability: z
    .looseObject({ prd_sections: WildTexts.optional(), design_components: WildTexts.optional() })
    .optional()
    .describe('{prd_sections[], design_components[]}: where the requirements come from and what will answer them.'),
})
export type RequirementsInput = z.infer<typeof RequirementsInput>

export const Requirement = z.object({
  id: z.string().min(1),
  title: z.string(),
  type: z.string(),
  category: z.string(),
  priority: Priority,
  /** One EARS sentence. */
  text: z.string(),
  acceptanceCriteria: z.array(z.string()),
  dependsOn: z.array(z.string()),
  notes: z.string(),
})
export type Requirement = z.infer<typeof Requirement>

/** What must be true of the system, normalised. */
export const RequirementsOutput = z.object({
  v: z.literal(1),
  featureName: z.string(),
  requirements: z.array(Requirement),
  assumptions: z.array(z.string()),
  outOfScope: z.array(z.string()),
  openQuestions: z.array(z.string()),
  traceability: z.object({ prdSections: z.array(z.string()), designComponents: z.array(z.string()) }),
})
export type RequirementsOutput = z.infer<typeof RequirementsOutput>

export const normaliseRequirements = (value: unknown): Normalised<RequirementsOutput> =>
  normaliseBy(value, {
    input: RequirementsInput,
    output: RequirementsOutput,
    listField: 'requirements',
    fold: (input) => ({ output: fold(input), faults: [] }),
  })

function fold(input: RequirementsInput): RequirementsOutput {
  const ids = numberIds('REQ', input.requirements)
  return {
    v: 1,
    featureName: (input.feature_name ?? input.feature ?? '').trim(),
    requirements: input.requirements.map((given, index) => ({
      id: ids[index] ?? '',
      title: textOf(given.title),
      type: (given.type ?? 'functional').trim().toLowerCase(),
      category: textOf(given.category),
      priority: priorityOf(given.priority),
      text: sentenceOf(given),
      acceptanceCriteria: textsOf(given.acceptance_criteria),
      dependsOn: idsOf(given.dependencies),
      notes: textOf(given.notes ?? given.rationale),
    })),
    assumptions: textsOf(input.assumptions),
    outOfScope: textsOf(input.out_of_scope),
    openQuestions: textsOf(input.open_questions),
    traceability: {
      prdSections: textsOf(input.traceability?.prd_sections),
      designComponents: textsOf(input.traceability?.design_components),
    },
  }
}

const CLAUSE = /^\s*(?:when|while|if|where|the|whenever)\b/i

/** The sentence given, or the one that condition and action make together. */
function sentenceOf({ text, condition, action, description }: z.infer<typeof RequirementInput>): string {
  if (text !== undefined && text.trim() !== '') return text.trim()
  if (action === undefined || action.trim() === '') return (description ?? '').trim()
  const response = responseOf(action.trim())
  const clause = trimEndOf((condition ?? '').trim(), ' \n\t,.')
  if (clause === '') return response
  return `${CLAUSE.test(clause) ? clause : `WHEN ${clause}`}, ${joined(clause, response)}`
}

function responseOf(action: string): string {
  if (/^shall\b/i.test(action)) return `THE SYSTEM ${action}`
  return /\bshall\b/i.test(action) ? action : `THE SYSTEM SHALL ${action}`
}

/** An IF clause needs its THEN, which neither half may have brought along. */
function joined(clause: string, response: string): string {
  const needsThen = /^\s*if\b/i.test(clause) && !/^then\b/i.test(response) && !/\bthen$/i.test(clause)
  return needsThen ? `THEN ${response}` : response
}
