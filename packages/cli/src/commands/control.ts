import { Command, describeIssues, SpecfleetError } from '@specfleet/shared'
import { withFleet } from '../fleet/connect.ts'
import type { CommandContext, Outcome } from './context.ts'

/** `specfleet pause|resume|cancel|retry|approve|reject|edit|rerun|archive|steer`: one door for what a person decides. */
export async function control(
  command: string,
  id: string,
  details: Record<string, unknown>,
  flags: { json?: boolean },
  { env, terminal }: CommandContext,
): Promise<Outcome> {
  await withFleet(env, async (client) => {
    const { specId } = await client.specOf(id)
    const parsed = Command.safeParse({ ...details, command, specId, who: env.user })
    if (!parsed.success) throw new SpecfleetError('usage', describeIssues(parsed.error))
    const answer = await client.command(parsed.data)
    if (flags.json === true) terminal.printJson(answer)
    else {
      const reached = answer.reachedRuns.length > 0 ? `, told to ${answer.reachedRuns.join(' ')}` : ''
      terminal.print(`${command}: ${answer.facts.join(', ') || 'nothing to change'}${reached}`)
    }
  })
  return 0
}
