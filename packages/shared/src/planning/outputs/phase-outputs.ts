import type { z } from 'zod'
import { PHASES, type Phase } from '../../contract/phase.ts'
import { DesignInput, type DesignOutput, normaliseDesign } from './design.ts'
import { type Fault, isRecord, type Normalised } from './dialects.ts'
import { ExploreInput, type ExploreOutput, normaliseExplore } from './explore.ts'
import { normaliseRequirements, RequirementsInput, type RequirementsOutput } from './requirements.ts'
import { normaliseSync, SyncOutput } from './sync.ts'
import { normaliseTasks, TasksInput, type TasksOutput } from './tasks.ts'

export interface PhaseOutputs {
  explore: ExploreOutput
  requirements: RequirementsOutput
  design: DesignOutput
  tasks: TasksOutput
  sync: SyncOutput
}

/** What earlier phases found, as far as there is any. */
export type EarlierOutputs = { [P in Phase]?: PhaseOutputs[P] | undefined }

const normalisers: { [P in Phase]: (value: unknown) => Normalised<PhaseOutputs[P]> } = {
  explore: normaliseExplore,
  requirements: normaliseRequirements,
  design: normaliseDesign,
  tasks: normaliseTasks,
  sync: normaliseSync,
}

/** Brings the output of a phase, in any known dialect, into its normalised shape. Never throws. */
export const normalisePhase = <P extends Phase>(phase: P, value: unknown): Normalised<PhaseOutputs[P]> =>
  normalisers[phase](value)

const inputs = {
  explore: ExploreInput,
  requirements: RequirementsInput,
  design: DesignInput,
  tasks: TasksInput,
  sync: SyncOutput,
} satisfies Record<Phase, z.ZodObject>

/** What a model is asked to hand in: an object schema without transforms that takes every dialect. */
export const phaseInputSchema = <P extends Phase>(phase: P): (typeof inputs)[P] => inputs[phase]

/**
 * Normalises a map from phase to its output, as a sandbox is given it. A `prd` beside the
 * phases enriches `explore`. Fails with the faults of every phase that does not parse.
 */
export function normaliseEarlier(value: unknown): Normalised<EarlierOutputs> {
  if (!isRecord(value)) return { ok: false, faults: [{ path: '', message: 'give a map from phase to its output' }] }
  const faults: Fault[] = []
  const output: EarlierOutputs = {}
  const take = <P extends Phase>(phase: P, given: unknown) => {
    const result = normalisePhase(phase, given)
    if (result.ok) Object.assign(output, { [phase]: result.output })
    else
      faults.push(
        ...result.faults.map(({ path, message }) => ({
          path: path === '' ? phase : `${phase}.${path}`,
          message,
        })),
      )
  }
  for (const phase of PHASES) {
    const given = phase === 'explore' ? withPrd(value) : value[phase]
    if (given !== undefined && given !== null) take(phase, given)
  }
  return faults.length > 0 ? { ok: false, faults } : { ok: true, output }
}

/** A `prd` of its own counts where explore is still in the shape that a model hands in. */
function withPrd({ explore, prd }: Record<string, unknown>): unknown {
  return isRecord(explore) && prd !== undefined && !('v' in explore) && !('prd' in explore)
    ? { ...explore, prd }
    : explore
}
