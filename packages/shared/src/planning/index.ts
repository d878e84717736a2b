export * from './outputs/design.ts'
export type { Fault, Normalised } from './outputs/dialects.ts'
export {
  DISCOVERY_CATEGORIES,
  ExploreInput,
  ExploreOutput,
  FeatureSummary,
  normaliseExplore,
  UserStory,
} from './outputs/explore.ts'
export {
  type EarlierOutputs,
  normaliseEarlier,
  normalisePhase,
  type PhaseOutputs,
  phaseInputSchema,
} from './outputs/phase-outputs.ts'
export {
  normaliseRequirements,
  Requirement,
  RequirementsInput,
  RequirementsOutput,
} from './outputs/requirements.ts'
export { CoverageRow, DependencyAnalysis, normaliseSync, SyncOutput } from './outputs/sync.ts'
export {
  normaliseTasks,
  Task as PlannedTask,
  TaskInput as PlannedTaskInput,
  TasksInput,
  TasksOutput,
  Ticket as PlannedTicket,
  TicketInput as PlannedTicketInput,
} from './outputs/tasks.ts'
export {
  ESTIMATES,
  Estimate,
  LAYERS,
  Layer,
  PRIORITIES as PLAN_PRIORITIES,
  Priority as PlanPriority,
  ROLES,
  Role,
  TASK_TYPES,
  TaskType,
} from './outputs/vocabulary.ts'
