import type { GateResult } from '../contract/facts/phase.ts'
import type { Phase } from '../contract/phase.ts'
import { distinct } from './outputs/dialects.ts'
import type { ExploreOutput } from './outputs/explore.ts'
import { looksLikePath } from './outputs/paths.ts'
import type { EarlierOutputs, PhaseOutputs } from './outputs/phase-outputs.ts'
import type { SyncOutput } from './outputs/sync.ts'
import { blockersOf, designGates, requirementsGates, tasksGates } from './plan-gates.ts'
import { traceRequirements } from './traceability.ts'

/** What the evaluation may know of the world beside the outputs. */
export interface GateFacts {
  /** Whether a file or folder is in the source, by its path relative to the root. */
  pathExists?: (path: string) => boolean
}

const MAX_FAULTS = 25
const MAX_FAULT_LENGTH = 600

/**
 * Evaluates every gate of a phase. Total and cheap, since whoever folds a log does it again:
 * nothing an output holds makes it throw. What depends on an earlier output that is not given
 * fails, except that paths are only looked up where `facts.pathExists` is given.
 */
export function evaluateGates<P extends Phase>(
  phase: P,
  output: PhaseOutputs[P],
  earlier: EarlierOutputs,
  facts: GateFacts = {},
): GateResult[] {
  const gates = faultsByGate({ ...earlier, [phase]: output }, phase, facts)
  return Object.entries(gates).map(([gate, faults]) => ({ gate, passed: faults.length === 0, faults: bounded(faults) }))
}

const bounded = (faults: readonly string[]): string[] => {
  const shown = faults.slice(0, MAX_FAULTS).map((fault) => fault.slice(0, MAX_FAULT_LENGTH))
  return faults.length > MAX_FAULTS ? [...shown, `… and ${faults.length - MAX_FAULTS} more`] : shown
}

function faultsByGate(outputs: EarlierOutputs, phase: Phase, facts: GateFacts): Record<string, string[]> {
  const { explore, requirements, design, tasks, sync } = outputs
  if (phase === 'explore' && explore !== undefined) return exploreGates(explore, facts)
  if (phase === 'requirements' && requirements !== undefined) return requirementsGates(requirements)
  if (phase === 'design' && design !== undefined) return designGates(design, requirements)
  if (phase === 'tasks' && tasks !== undefined) return tasksGates(tasks, requirements)
  if (phase === 'sync' && sync !== undefined) return syncGates(sync, outputs)
  return { output: [`${phase} has no output`] }
}

function exploreGates(explore: ExploreOutput, { pathExists }: GateFacts): Record<string, string[]> {
  if (pathExists === undefined) return {}
  const missing = pathsNamed(explore).filter((path) => !pathExists(path))
  return { 'paths-exist': missing.map((path) => `${path} is not in the source`) }
}

/** Fields that hold a path are taken at their word; where prose may stand, only what looks like a path counts. */
function pathsNamed(explore: ExploreOutput): string[] {
  const declared = [
    ...explore.keyFiles.map(({ path }) => path),
    ...explore.relevantPatterns.flatMap(({ files }) => files),
    ...explore.relatedToFeature.map(({ file }) => file),
    ...explore.existingModels.map(({ file }) => file),
  ]
  const perhaps = [...explore.structure.map(({ path }) => path), ...explore.entryPoints]
  return distinct([...declared.filter((path) => path !== '' && !path.includes('*')), ...perhaps.filter(looksLikePath)])
}

function syncGates(sync: SyncOutput, outputs: EarlierOutputs): Record<string, string[]> {
  const { requirements, design, tasks } = outputs
  const gaps =
    requirements === undefined
      ? ['the requirements are not given']
      : traceRequirements(requirements, design, tasks).gaps
  return {
    'traceability-complete': distinct([
      ...gaps,
      ...sync.coverageMatrix
        .filter(({ missing }) => missing.length > 0)
        .map(({ requirementId }) => `${requirementId} is not covered`),
    ]),
    // What a worker computed is not believed: the blockers are found again.
    'no-blockers': distinct([...blockersOf(outputs), ...sync.blockers]),
  }
}
