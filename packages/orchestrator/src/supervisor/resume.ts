import type { Blobs, PhaseContext, ResumePoint, RunRecord, SandboxBirth } from '@specfleet/shared'
import { encodePhaseContext, MAX_CONTEXT_B64, pathOf, sandboxIdOf } from '@specfleet/shared'

/** The environment of the next epoch, but for what the provider and the mint add. Pure. */
export function birthOf(
  run: RunRecord,
  epoch: number,
  point: ResumePoint,
  context: PhaseContext | undefined,
  defaults: { model: string; logLevel: 'debug' | 'info' | 'warn' | 'error' },
): SandboxBirth {
  const { task } = run
  return {
    SPEC_ID: run.specId,
    // Only the phase machine is told where to begin; on the other paths the agent drives.
    SPEC_PHASE: pathOf({ ...task, ...task.executionConfig }) === 'phases' ? point.phase : undefined,
    EXECUTION_MODE: task.executionConfig.executionMode,
    REQUIRE_SPEC_SKILL: task.executionConfig.requireSpecSkill ? 'true' : 'false',
    PROJECT_ID: task.projectId,
    TASK_ID: task.taskId,
    TICKET_ID: task.ticketId,
    RUN_ID: run.runId,
    RUN_EPOCH: epoch,
    SANDBOX_ID: sandboxIdOf(run.runId, epoch),
    BUS_CREDS_B64: undefined,
    MODEL: task.model ?? defaults.model,
    LOG_LEVEL: defaults.logLevel,
    ...(context === undefined ? {} : { context }),
  }
}

/**
 * Earlier phases' outputs as they fit into an environment: as they are, or as a blob that
 * the worker fetches from its desk.
 */
export async function contextOf(
  point: ResumePoint,
  collaborators: { blobs: Blobs },
): Promise<PhaseContext | undefined> {
  if (Object.keys(point.outputs).length === 0) return undefined
  const inline: PhaseContext = { kind: 'inline', outputs: point.outputs }
  if (encodePhaseContext(inline).length <= MAX_CONTEXT_B64) return inline
  const { sha256, bytes } = await collaborators.blobs.put(Buffer.from(JSON.stringify(point.outputs)))
  return { kind: 'blob', sha256, bytes }
}
