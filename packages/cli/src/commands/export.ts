import { join, resolve } from 'node:path'
import { SpecfleetError } from '@specfleet/shared'
import { withFleet } from '../fleet/connect.ts'
import { replaySpec } from '../fleet/follow.ts'
import { exportPlan } from '../plan/export.ts'
import type { CommandContext, Outcome } from './context.ts'

/** `specfleet export ID [--out DIR]`: the plan as JSON and Markdown. */
export async function exportSpec(
  id: string,
  flags: { out?: string },
  { env, terminal }: CommandContext,
): Promise<Outcome> {
  const state = await withFleet(env, async (client) => {
    const { specId } = await client.specOf(id)
    return (await replaySpec(client, specId, { traces: false })).state
  })
  if (state === undefined) throw new SpecfleetError('spec.unknown', id)
  const folder = flags.out === undefined ? join(env.home, 'plans', state.specId) : resolve(flags.out)
  const files = await exportPlan(state, folder)
  terminal.print(`${folder}: ${files.join(', ')}`)
  return 0
}
