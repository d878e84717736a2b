import { withFleet } from '../fleet/connect.ts'
import type { CommandContext, Outcome } from './context.ts'
import { type SubmitFlags, taskFromFlags } from './task-from-files.ts'
import { outcomeOf, watchRun } from './watch-run.ts'

/** `specfleet submit`: puts a task on the queue and, with `--watch`, shows it to its end. */
export async function submit(
  flags: SubmitFlags & { watch?: boolean; json?: boolean },
  { env, terminal, signal }: CommandContext,
): Promise<Outcome> {
  const task = await taskFromFlags(flags, env.user)
  return await withFleet(env, async (client) => {
    const answer = await client.submit(task)
    if (flags.json === true) terminal.printJsonLine(answer)
    else if (answer.state === 'queued') terminal.print(`queued  spec ${answer.specId}  run ${answer.runId}`)
    else terminal.print(`known   spec ${answer.specId}  run ${answer.runId} is ${answer.state}; nothing new was queued`)
    if (flags.watch !== true) return 0
    const end = await watchRun(client, answer, terminal, { signal, json: flags.json === true })
    return outcomeOf(end, terminal)
  })
}
