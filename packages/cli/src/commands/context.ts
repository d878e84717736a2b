import type { CliEnv } from '../env.ts'
import type { Terminal } from '../terminal.ts'

/** What every command is given. */
export type CommandContext = {
  readonly env: CliEnv
  readonly terminal: Terminal
  /** Aborts at the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal
  /** Aborts at the second. */
  readonly force: AbortSignal
}

/** Exit code of a command. */
export type Outcome = 0 | 1
