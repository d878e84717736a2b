#!/usr/bin/env node
import { toSpecfleetError } from '@specfleet/shared'
import { CommanderError } from 'commander'
import { readEnv } from './env.ts'
import { buildProgram } from './program.ts'
import { openTerminal } from './terminal.ts'

/** As a shell reports a process that SIGINT ended. */
const INTERRUPTED = 130
/** How long a command that was forced may take to leave in order. */
const FORCED_MS = 3_000

/**
 * The first Ctrl-C asks the command to end, the second forces it. A reader such as `head` that
 * has seen enough asks for an end as well. The listeners stay: a library that is the last to
 * listen would end the process at once.
 */
function interruptions(): { signal: AbortSignal; force: AbortSignal } {
  const [end, force] = [new AbortController(), new AbortController()]
  const stop = () => (end.signal.aborted ? force : end).abort(new Error('interrupted'))
  process.on('SIGINT', stop).on('SIGTERM', stop)
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    end.abort(new Error('nobody reads on'))
  })
  force.signal.addEventListener('abort', () => setTimeout(() => process.exit(INTERRUPTED), FORCED_MS).unref(), {
    once: true,
  })
  return { signal: end.signal, force: force.signal }
}

async function main(): Promise<number> {
  const terminal = openTerminal(process.stdout, process.stderr)
  const { signal, force } = interruptions()
  try {
    let outcome = 0
    const program = buildProgram({ env: readEnv(), terminal, signal, force }, (code) => {
      outcome = code
    })
    await program.parseAsync(process.argv)
    return outcome
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2
    // Whatever failed then, failed because it was told to end.
    if (signal.aborted) {
      terminal.note('interrupted')
      return INTERRUPTED
    }
    const error = toSpecfleetError(thrown)
    terminal.note(`${terminal.style.red('error')} ${error.message}`)
    terminal.note(`      ${error.next} ${terminal.style.dim(`[${error.code}]`)}`)
    return error.exitCode
  }
}

process.exitCode = await main()
