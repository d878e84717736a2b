import { toSpecfleetError } from '@specfleet/shared'
import { CommanderError } from 'commander'
import { openTerminal } from '../../cli/src/terminal.ts'
import { EXIT, runChaos } from './chaos.ts'
import { readDeployment } from './env.ts'
import { readOptions } from './options.ts'

const USAGE = 2

process.exitCode = await main()

/** Resolves with the exit code. */
async function main(): Promise<number> {
  const terminal = openTerminal(process.stdout, process.stderr)
  const stop = stopSignal()
  try {
    const options = readOptions(process.argv.slice(2), Math.random)
    return await runChaos(options, { terminal, env: readDeployment(options.envFile), signal: stop })
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.held : USAGE
    // Whatever failed then, failed because it was told to end.
    if (stop.aborted) {
      terminal.note('interrupted')
      return EXIT.interrupted
    }
    const error = toSpecfleetError(thrown)
    terminal.note(`${terminal.style.red('error')} ${error.message}`)
    terminal.note(`      ${error.next} ${terminal.style.dim(`[${error.code}]`)}`)
    return error.exitCode
  }
}

/** The first Ctrl-C takes every world down in order, the second leaves at once. */
function stopSignal(): AbortSignal {
  const stop = new AbortController()
  for (const each of ['SIGINT', 'SIGTERM'] as const)
    process.on(each, () => {
      if (stop.signal.aborted) process.exit(EXIT.interrupted)
      stop.abort(new Error('interrupted'))
    })
  return stop.signal
}
