import { type SandboxEnv, SpecfleetError } from '@specfleet/shared/boot'

export type PathName = 'phases' | 'prompt' | 'ticket' | 'plain'

/** The variables that decide what a worker does. */
export type PathVariables = Pick<SandboxEnv, 'SPEC_PHASE' | 'EXECUTION_MODE' | 'REQUIRE_SPEC_SKILL' | 'TICKET_ID'>

/**
 * Which way a run goes: a ticket, the phase machine, the spec-driven prompt, or a plain prompt.
 *
 * @throws SpecfleetError `sandbox-env.invalid` for variables that contradict each other.
 */
export function choosePath(env: PathVariables): PathName {
  const { SPEC_PHASE: phase, EXECUTION_MODE: mode, REQUIRE_SPEC_SKILL: skill, TICKET_ID: ticket } = env
  if (ticket !== undefined && phase !== undefined) {
    throw contradiction(`TICKET_ID is ${ticket}, which has no phases, but SPEC_PHASE is ${phase}`)
  }
  if (ticket !== undefined && mode === 'exploration') {
    throw contradiction(`TICKET_ID is ${ticket}, which changes the source, but EXECUTION_MODE is exploration`)
  }
  if (phase !== undefined && mode !== undefined && mode !== 'exploration') {
    throw contradiction(`SPEC_PHASE is ${phase}, which plans, but EXECUTION_MODE is ${mode}`)
  }
  if (ticket !== undefined) return 'ticket'
  if (phase !== undefined) return 'phases'
  return mode === 'exploration' && skill === 'true' ? 'prompt' : 'plain'
}

const contradiction = (detail: string) => new SpecfleetError('sandbox-env.invalid', detail)
