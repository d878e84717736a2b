export { MIN_CRITERION_LENGTH, testableCriteria, untestable } from './criteria.ts'
export {
  EARS_KEYWORDS,
  type EarsClause,
  type EarsFault,
  type EarsKeyword,
  type EarsPattern,
  type EarsRequirement,
  type EarsResult,
  parseEars,
  renderEars,
} from './ears.ts'
export { deriveTickets, ExecutionTicket } from './execution-tickets.ts'
export { MAX_OVERLAPS, type Overlap } from './footprints.ts'
export { evaluateGates, type GateFacts } from './gates.ts'
export { Component, DataModel, DesignInput, DesignOutput, Endpoint, normaliseDesign } from './outputs/design.ts'
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
export { normaliseRequirements, Requirement, RequirementsInput, RequirementsOutput } from './outputs/requirements.ts'
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
export { MIN_CRITERIA } from './plan-gates.ts'
export { dependenciesByTask, planGraph } from './plan-graph.ts'
export { MAX_TASK_HOURS } from './plan-score-parts.ts'
export { parseSections, renderSections, type Section as PromptSection } from './prompt-sections.ts'
export type { ScorePart } from './score-parts.ts'
export { evaluate, PASS_MARK, type PhaseEvaluation, type PhaseScore, score } from './scores.ts'
export { computeSync, type Plan } from './sync.ts'
export { analyseGraph, type GraphAnalysis, type GraphNode, type LayerFault } from './ticket-graph.ts'
export { ticketIdOf } from './ticket-ids.ts'
export { type Traceability, traceRequirements } from './traceability.ts'
