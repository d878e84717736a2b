import { runIdOf, SpecfleetError, type SpecId } from '@specfleet/shared'
import type { FleetClient } from '../fleet/client.ts'
import { withFleet } from '../fleet/connect.ts'
import { replaySpec } from '../fleet/follow.ts'
import type { CommandContext, Outcome } from './context.ts'
import { outcomeOf, watchRun } from './watch-run.ts'

/** `specfleet watch ID`: the progress of a run, or of a spec's latest one, until it ends. */
export async function watch(
  id: string,
  flags: { json?: boolean },
  { env, terminal, signal }: CommandContext,
): Promise<Outcome> {
  return await withFleet(env, async (client) => {
    const run = await latestRun(client, id)
    const end = await watchRun(client, run, terminal, { signal, json: flags.json === true })
    return outcomeOf(end, terminal)
  })
}

/**
 * The run with this id, else the spec's latest, else the one that its waiting task will get.
 * @throws SpecfleetError `spec.unknown`, `run.unknown`
 */
export async function latestRun(client: FleetClient, id: string): Promise<{ specId: SpecId; runId: string }> {
  const { specId, runs } = await client.specOf(id)
  const run = runs.find((candidate) => candidate.runId === id) ?? runs.at(-1)
  if (run !== undefined) return run
  const { state } = await replaySpec(client, specId, { traces: false })
  const waiting = Object.values(state?.submissions ?? {}).at(-1)
  if (waiting === undefined) throw new SpecfleetError('run.unknown', id)
  return { specId, runId: runIdOf(waiting.taskId) }
}
