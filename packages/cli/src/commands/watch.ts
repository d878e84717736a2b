import { withFleet } from '../fleet/connect.ts'
import type { CommandContext, Outcome } from './context.ts'
import { outcomeOf, watchRun } from './watch-run.ts'

/** `specfleet watch ID`: the progress of a run, or of a spec's latest one, until it ends. */
export async function watch(
  id: string,
  flags: { json?: boolean },
  { env, terminal, signal }: CommandContext,
): Promise<Outcome> {
  return await withFleet(env, async (client) => {
    const { specId } = await client.specOf(id)
    const run = id === specId ? { specId } : { specId, runId: id }
    const end = await watchRun(client, run, terminal, { signal, json: flags.json === true })
    return outcomeOf(end, terminal)
  })
}
