import { formatLogLine } from '../render/log-line.ts'
import { startStack } from '../stack/stack.ts'
import type { CommandContext, Outcome } from './context.ts'

/** `specfleet up`: the whole stack in the foreground. The first Ctrl-C drains it, the second forces. */
export async function up(
  flags: { json?: boolean; slots?: string; provider?: string; upstream?: string },
  { env, terminal, signal, force }: CommandContext,
): Promise<Outcome> {
  const { style } = terminal
  await using stack = await startStack({
    env,
    overrides: {
      ...(flags.slots === undefined ? {} : { SPECFLEET_SLOTS: flags.slots }),
      ...(flags.provider === undefined ? {} : { SPECFLEET_PROVIDER: flags.provider }),
      ...(flags.upstream === undefined ? {} : { MODEL_UPSTREAM: flags.upstream }),
    },
    report: (line) => terminal.note(style.dim(line)),
    onLog: (line) => terminal.note(flags.json === true ? line : formatLogLine(line, style)),
    signal,
    force,
  })
  const { ready } = stack.orchestrator
  terminal.print(`${style.green('up')}  ${style.bold(ready.orchestrator)} takes work on ${stack.bus.url}`)
  terminal.print(
    `    ${ready.slots} slots · provider ${ready.provider} (${ready.isolation}) · model upstream ${ready.upstream}`,
  )
  terminal.print(style.dim('    submit work with `specfleet submit --spec FILE`; Ctrl-C drains, a second one forces'))

  const asked = new Promise<'asked'>((resolve) =>
    signal.addEventListener('abort', () => resolve('asked'), { once: true }),
  )
  const first = await Promise.race([asked, stack.orchestrator.exited])
  if (first !== 'asked') {
    terminal.note(style.red(`the orchestrator ended by itself (${first}); its log is ${stack.logFile}`))
    return 1
  }
  terminal.note('draining; Ctrl-C again forces')
  stack.orchestrator.kill('SIGTERM')
  await stack.orchestrator.exited
  return 0
}
