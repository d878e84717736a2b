#!/usr/bin/env node
import { toSpecfleetError } from '@specfleet/shared'
import { CommanderError } from 'commander'
import { readEnv } from './env.ts'
import { buildProgram } from './program.ts'
import { openTerminal } from './terminal.ts'

/**
 * The first Ctrl-C asks the command to end, the second ends it; `up` takes the second into
 * its own hands. A reader such as `head` that has seen enough asks for an end as well.
 */
function interruption(): AbortSignal {
  const controller = new AbortController()
  const stop = () => controller.abort(new Error('interrupted'))
  process.once('SIGINT', stop).once('SIGTERM', stop)
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    stop()
  })
  return controller.signal
}

async function main(): Promise<number> {
  const terminal = openTerminal(process.stdout, process.stderr)
  try {
    let outcome = 0
    const program = buildProgram({ env: readEnv(), terminal, signal: interruption() }, (code) => {
      outcome = code
    })
    await program.parseAsync(process.argv)
    return outcome
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2
    const error = toSpecfleetError(thrown)
    terminal.note(`${terminal.style.red('error')} ${error.message}`)
    terminal.note(`      ${error.next} ${terminal.style.dim(`[${error.code}]`)}`)
    return error.exitCode
  }
}

process.exitCode = await main()
