import { join } from 'node:path'
import { SpecfleetError, toSpecfleetError } from '@specfleet/shared'
import { EXAMPLE_SPEC, exampleRepository } from '../demo/example-repository.ts'
import { FleetClient } from '../fleet/client.ts'
import { connectTo } from '../fleet/connect.ts'
import { replaySpec } from '../fleet/follow.ts'
import { exportPlan, planOf } from '../plan/export.ts'
import { renderPlan } from '../render/plan.ts'
import { type Stack, startStack } from '../stack/stack.ts'
import type { CommandContext, Outcome } from './context.ts'
import { taskFromFlags } from './task-from-files.ts'
import { outcomeOf, watchRun } from './watch-run.ts'

export type DemoFlags = { spec?: string; source?: string; provider?: string; upstream?: string; out?: string }

/** `specfleet demo`: a real spec on a real repository, from the queue to an executable plan, through real processes. */
export async function demo(flags: DemoFlags, context: CommandContext): Promise<Outcome> {
  const { env, terminal, signal } = context
  const { style } = terminal
  await using stack = await startDemoStack(flags, context)
  await using source = flags.source === undefined ? await exampleRepository() : undefined
  printHead(stack, flags, context)

  await using bus = await connectTo(stack.bus, 'specfleet demo')
  const client = new FleetClient(bus)
  const startedAt = Date.now()
  const task = await taskFromFlags(
    {
      spec: flags.spec ?? EXAMPLE_SPEC,
      source: flags.source ?? source?.path ?? '',
      id: `demo-${startedAt.toString(36)}`,
    },
    env.user,
  )
  const answer = await client.submit(task)
  const end = await watchRun(client, answer, terminal, { signal, startedAt })
  // What there is of it is kept; the next orchestrator on this home goes on with it.
  signal.throwIfAborted()

  const { state } = await replaySpec(client, answer.specId, { traces: false })
  if (state === undefined) throw new SpecfleetError('internal', `the log has nothing of ${answer.specId}`)
  const plan = planOf(state)
  for (const line of renderPlan(plan, terminal)) terminal.print(line)
  const outcome = outcomeOf(end, terminal)
  const folder = flags.out ?? join(env.home, 'plans', answer.specId)
  const files = await exportPlan(state, folder)
  terminal.print()
  terminal.print(`${style.dim('took')} ${((Date.now() - startedAt) / 1000).toFixed(1)} s from the queue to the plan`)
  terminal.print(`${style.dim('plan')} ${folder}`)
  terminal.print(`     ${style.dim(files.join('  '))}`)
  if (outcome !== 0) terminal.note(`the orchestrator's log is ${stack.logFile}`)
  return outcome
}

/**
 * In the best sandbox that can be had. Without any, only the offline planner is let loose
 * unsandboxed, because that runs no command a model thought of; and it is said.
 */
async function startDemoStack(flags: DemoFlags, { env, terminal, signal, force }: CommandContext): Promise<Stack> {
  const upstream = flags.upstream === undefined ? undefined : { MODEL_UPSTREAM: flags.upstream }
  const start = (overrides: Record<string, string>) =>
    startStack({
      env,
      overrides,
      report: (line) => terminal.note(terminal.style.dim(line)),
      onLog: () => undefined,
      signal,
      force,
    })
  try {
    return await start({ ...(flags.provider === undefined ? {} : { SPECFLEET_PROVIDER: flags.provider }), ...upstream })
  } catch (thrown) {
    const error = toSpecfleetError(thrown)
    const chosen = flags.provider ?? env.inherited.SPECFLEET_PROVIDER
    const mayGoOn = chosen === undefined && (flags.upstream ?? 'offline') === 'offline'
    if (error.code !== 'provider.unavailable' || !mayGoOn) throw error
    terminal.note(terminal.style.yellow(`${error.message}; going on without a sandbox, with the offline planner only`))
    return await start({ SPECFLEET_PROVIDER: 'process-unsafe', MODEL_UPSTREAM: 'offline' })
  }
}

function printHead(stack: Stack, flags: DemoFlags, { terminal }: CommandContext): void {
  const { style } = terminal
  const { ready } = stack.orchestrator
  const model =
    ready.upstream === 'offline'
      ? 'offline: a deterministic planner that reads the real source; no key, no real model'
      : ready.upstream
  terminal.print()
  terminal.print(`${style.dim('spec   ')} ${flags.spec ?? 'examples/specs/link-expiry.md'}`)
  terminal.print(`${style.dim('source ')} ${flags.source ?? 'examples/url-shortener'}`)
  terminal.print(`${style.dim('sandbox')} ${ready.provider} (${ready.isolation})`)
  terminal.print(`${style.dim('model  ')} ${model}`)
  terminal.print()
}
