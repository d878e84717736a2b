import * as z from 'zod'
import { distinct, type Normalised, normaliseBy, textOf, textsOf, WildText, WildTexts } from './dialects.ts'
import { cleanPath } from './paths.ts'
import { foldPrd, PrdInput } from './prd.ts'

/** The groups of questions that discovery asks before requirements are written. */
export const DISCOVERY_CATEGORIES = [
  'Problem & Value',
  'Users & Journeys',
  'Scope & Boundaries',
  'Technical Context',
  'Trade-offs & Risks',
] as const

const PathNote = z.looseObject({
  path: z.string().optional(),
  file: z.string().optional(),
  file_path: z.string().optional(),
  purpose: WildText.optional(),
  description: WildText.optional(),
})

/** What a model hands in for the explore phase. */
export const ExploreInput = z.looseObject({
  codebase_summary: z
    .string()
    .optional()
    .describe(
      'What this codebase is, in two to five sentences: purpose, main parts, how they talk. More than 50 characters.',
    ),
  exploration_summary: z.string().optional().describe('Other name of codebase_summary; leave it out.'),
  project_type: z
    .string()
    .optional()
    .describe('Kind of project, such as "TypeScript library" or "FastAPI web service".'),
  tech_stack: WildTexts.optional().describe(
    'Languages, frameworks and tools that the source really uses; two or more.',
  ),
  structure: z
    .union([z.record(z.string(), WildText), z.array(WildText)])
    .optional()
    .describe('Map from area to its path in the repository, as in {"api": "src/api"}; two or more areas.'),
  key_files: z
    .array(z.union([PathNote, z.string()]))
    .optional()
    .describe('Three or more [{path, purpose}]; every path must exist in the source.'),
  relevant_patterns: z
    .array(
      z.union([
        z.looseObject({
          pattern: z.string().optional(),
          name: z.string().optional(),
          description: WildText.optional(),
          files: z.union([z.array(z.string()), z.string()]).optional(),
        }),
        z.string(),
      ]),
    )
    .optional()
    .describe('Patterns the new work should follow: [{pattern, description, files[]}].'),
  conventions: z
    .union([
      z.looseObject({
        naming: WildText.optional(),
        testing: WildText.optional(),
        patterns: WildTexts.optional(),
      }),
      z.array(WildText),
      z.string(),
    ])
    .optional()
    .describe('{naming, testing, patterns[]}: how names are formed, how tests are written and run, recurring habits.'),
  discovery_questions: z
    .array(
      z.looseObject({
        category: z.string().optional(),
        questions: WildTexts.optional(),
        question: z.string().optional(),
      }),
    )
    .optional()
    .describe(`[{category, questions[]}] for each of: ${DISCOVERY_CATEGORIES.join(', ')}.`),
  feature_summary: z
    .union([
      z.looseObject({
        name: z.string().optional(),
        one_liner: z.string().optional(),
        problem_statement: WildText.optional(),
        scope_in: WildTexts.optional(),
        scope_out: WildTexts.optional(),
        technical_constraints: WildTexts.optional(),
        risks_identified: WildTexts.optional(),
        success_metrics: WildTexts.optional(),
      }),
      z.string(),
    ])
    .optional()
    .describe(
      '{name, one_liner, problem_statement, scope_in[], scope_out[], technical_constraints[], risks_identified[], success_metrics[]}.',
    ),
  related_to_feature: z
    .array(z.union([PathNote.extend({ name: z.string().optional(), relevance: WildText.optional() }), z.string()]))
    .optional()
    .describe('Existing code that the feature touches: [{name, file, relevance}].'),
  existing_models: z
    .array(z.union([PathNote.extend({ name: z.string().optional(), fields: WildTexts.optional() }), z.string()]))
    .optional()
    .describe('Existing data models near the feature: [{name, file, fields[]}].'),
  entry_points: WildTexts.optional().describe('Files where execution starts.'),
  test_structure: WildText.optional().describe('Where tests live and the command that runs them.'),
  notes: WildText.optional(),
  prd: PrdInput.optional().describe('Product requirements, where they exist already; usually left out.'),
})
export type ExploreInput = z.infer<typeof ExploreInput>

export const UserStory = z.object({
  id: z.string(),
  story: z.string(),
  acceptanceCriteria: z.array(z.string()),
})

export const FeatureSummary = z.object({
  name: z.string(),
  oneLiner: z.string(),
  problemStatement: z.string(),
  scopeIn: z.array(z.string()),
  scopeOut: z.array(z.string()),
  technicalConstraints: z.array(z.string()),
  risks: z.array(z.string()),
  successMetrics: z.array(z.string()),
  goals: z.array(z.string()),
  users: z.array(z.string()),
  stories: z.array(UserStory),
  assumptions: z.array(z.string()),
  openQuestions: z.array(z.string()),
})
export type FeatureSummary = z.infer<typeof FeatureSummary>

/** What the explore phase found, normalised. Paths are relative to the root of the source. */
export const ExploreOutput = z.object({
  v: z.literal(1),
  codebaseSummary: z.string(),
  projectType: z.string(),
  techStack: z.array(z.string()),
  structure: z.array(z.object({ area: z.string(), path: z.string() })),
  keyFiles: z.array(z.object({ path: z.string(), purpose: z.string() })),
  relevantPatterns: z.array(z.object({ pattern: z.string(), description: z.string(), files: z.array(z.string()) })),
  conventions: z.object({ naming: z.string(), testing: z.string(), patterns: z.array(z.string()) }),
  discoveryQuestions: z.array(z.object({ category: z.string(), questions: z.array(z.string()) })),
  featureSummary: FeatureSummary,
  relatedToFeature: z.array(z.object({ name: z.string(), file: z.string(), relevance: z.string() })),
  existingModels: z.array(z.object({ name: z.string(), file: z.string(), fields: z.array(z.string()) })),
  entryPoints: z.array(z.string()),
  testStructure: z.string(),
  notes: z.string(),
})
export type ExploreOutput = z.infer<typeof ExploreOutput>

export const normaliseExplore = (value: unknown): Normalised<ExploreOutput> =>
  normaliseBy(value, {
    input: ExploreInput,
    output: ExploreOutput,
    fold: (input) => ({ output: fold(input), faults: [] }),
  })

type Note = z.infer<typeof PathNote>
const pathOf = (note: Note | string): string =>
  cleanPath(typeof note === 'string' ? note : (note.path ?? note.file ?? note.file_path ?? ''))

function fold(input: ExploreInput): ExploreOutput {
  return {
    v: 1,
    codebaseSummary: (input.codebase_summary ?? input.exploration_summary ?? '').trim(),
    projectType: (input.project_type ?? '').trim(),
    techStack: textsOf(input.tech_stack),
    structure: structureOf(input.structure),
    keyFiles: (input.key_files ?? []).map((note) => ({
      path: pathOf(note),
      purpose: typeof note === 'string' ? '' : textOf(note.purpose ?? note.description),
    })),
    relevantPatterns: (input.relevant_patterns ?? []).map((found) =>
      typeof found === 'string'
        ? { pattern: found, description: '', files: [] }
        : {
            pattern: found.pattern ?? found.name ?? '',
            description: textOf(found.description),
            files: textsOf(found.files).map(cleanPath),
          },
    ),
    conventions: conventionsOf(input.conventions),
    discoveryQuestions: questionsOf(input.discovery_questions ?? []),
    featureSummary: foldPrd(summaryOf(input.feature_summary), input.prd),
    relatedToFeature: (input.related_to_feature ?? []).map((note) => ({
      name: typeof note === 'string' ? note : (note.name ?? ''),
      file: pathOf(note),
      relevance: typeof note === 'string' ? '' : textOf(note.relevance ?? note.description),
    })),
    existingModels: (input.existing_models ?? []).map((note) => ({
      name: typeof note === 'string' ? note : (note.name ?? ''),
      file: typeof note === 'string' ? '' : pathOf(note),
      fields: typeof note === 'string' ? [] : textsOf(note.fields),
    })),
    entryPoints: textsOf(input.entry_points),
    testStructure: textOf(input.test_structure),
    notes: textOf(input.notes),
  }
}

function structureOf(structure: ExploreInput['structure']): ExploreOutput['structure'] {
  if (structure === undefined) return []
  if (Array.isArray(structure))
    return structure.map((entry) => ({ area: textOf(entry), path: cleanPath(textOf(entry)) }))
  return Object.entries(structure).map(([area, path]) => ({ area, path: cleanPath(textOf(path)) }))
}

function conventionsOf(conventions: ExploreInput['conventions']): ExploreOutput['conventions'] {
  if (conventions === undefined) return { naming: '', testing: '', patterns: [] }
  if (typeof conventions === 'string' || Array.isArray(conventions)) {
    return { naming: '', testing: '', patterns: textsOf(conventions) }
  }
  return {
    naming: textOf(conventions.naming),
    testing: textOf(conventions.testing),
    patterns: textsOf(conventions.patterns),
  }
}

function questionsOf(groups: NonNullable<ExploreInput['discovery_questions']>): ExploreOutput['discoveryQuestions'] {
  const byCategory = new Map<string, string[]>()
  for (const { category = '', questions, question } of groups) {
    const known = byCategory.get(category) ?? []
    byCategory.set(category, distinct([...known, ...textsOf(questions), ...textsOf(question)]))
  }
  return [...byCategory].map(([category, questions]) => ({ category, questions }))
}

function summaryOf(summary: ExploreInput['feature_summary']): FeatureSummary {
  const given = typeof summary === 'string' ? { problem_statement: summary } : (summary ?? {})
  return {
    name: textOf(given.name),
    oneLiner: textOf(given.one_liner),
    problemStatement: textOf(given.problem_statement),
    scopeIn: textsOf(given.scope_in),
    scopeOut: textsOf(given.scope_out),
    technicalConstraints: textsOf(given.technical_constraints),
    risks: textsOf(given.risks_identified),
    successMetrics: textsOf(given.success_metrics),
    goals: [],
    users: [],
    stories: [],
    assumptions: [],
    openQuestions: [],
  }
}
