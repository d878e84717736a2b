import * as z from 'zod'
import { type Normalised, normaliseBy } from './dialects.ts'
import { Layer } from './vocabulary.ts'

const Count = z.number().int().min(0)

export const CoverageRow = z.object({
  requirementId: z.string(),
  title: z.string(),
  components: z.array(z.string()),
  tasks: z.array(z.string()),
  tickets: z.array(z.string()),
  files: z.array(z.string()),
  status: z.enum(['covered', 'partial', 'missing']),
  /** Which links of requirement → component → task → file are not there. */
  missing: z.array(z.enum(['component', 'task', 'file'])),
})
export type CoverageRow = z.infer<typeof CoverageRow>

export const DependencyAnalysis = z.object({
  /** Each cycle as the ids around it. */
  cycles: z.array(z.array(z.string())),
  /** Tasks that can run at the same time, wave after wave; tasks on or behind a cycle are in none. */
  waves: z.array(z.array(z.string())),
  criticalPath: z.array(z.string()),
  criticalPathHours: z.number(),
  /** Tasks that touch one file with no order between them. */
  overlaps: z.array(z.object({ file: z.string(), tasks: z.tuple([z.string(), z.string()]) })),
  overlapsTruncated: z.boolean(),
})
export type DependencyAnalysis = z.infer<typeof DependencyAnalysis>

/** What the sync phase establishes. Computed, never written by a model. */
export const SyncOutput = z.object({
  v: z.literal(1),
  specId: z.string(),
  validationResults: z.array(
    z.object({ phase: z.string(), gate: z.string(), passed: z.boolean(), faults: z.array(z.string()) }),
  ),
  coverageMatrix: z.array(CoverageRow),
  traceabilityStats: z.object({
    requirements: z.object({
      total: Count,
      covered: Count,
      partial: Count,
      missing: Count,
      coveragePercent: z.number(),
    }),
    components: z.object({ total: Count, withRequirements: Count, withTasks: Count }),
    tickets: z.object({ total: Count, withTasks: Count }),
    tasks: z.object({ total: Count, withTicket: Count, withRequirements: Count, withFiles: Count }),
  }),
  specSummary: z.object({
    featureName: z.string(),
    requirements: Count,
    components: Count,
    tickets: Count,
    tasks: Count,
    totalEstimatedHours: z.number(),
    filesToCreate: Count,
    filesToModify: Count,
    tasksByLayer: z.record(Layer, Count),
  }),
  ready: z.boolean(),
  dependencyAnalysis: DependencyAnalysis,
  blockers: z.array(z.string()),
  recommendations: z.array(z.string()),
})
export type SyncOutput = z.infer<typeof SyncOutput>

/** Only what `computeSync` made is accepted: there is no dialect of a computed output. */
export const normaliseSync = (value: unknown): Normalised<SyncOutput> =>
  normaliseBy(value, { input: SyncOutput, output: SyncOutput, fold: (output) => ({ output, faults: [] }) })
