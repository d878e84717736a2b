export { type Charges, chargedTo } from './charges.ts'
export { type Decision, decide } from './decide.ts'
export { type Demand, runDemand } from './demand.ts'
export {
  type ComponentRecord,
  type CriterionRecord,
  type RequirementRecord,
  recordsOf,
  type SpecRecords,
  type SpecTaskRecord,
} from './records.ts'
export { fold, foldRefused } from './reduce.ts'
export { type ResumePoint, resumePoint } from './resume.ts'
export { Fence, isLive, pathOf, plans, RunPath, RunView, Submission } from './run-view.ts'
export {
  type EndedSpec,
  Evaluation,
  entryOf,
  isEnded,
  isOpen,
  type Lifecycle,
  type OpenSpec,
  type PhaseResult,
  PhaseResults,
  Progress,
  runOf,
  type SpecIn,
  SpecState,
} from './state.ts'
export { TicketState, type TicketStatus } from './ticket.ts'
