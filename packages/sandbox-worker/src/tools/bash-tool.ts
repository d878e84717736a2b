import * as z from 'zod'
import { Shell, type ShellOptions } from './shell.ts'
import type { Tool, ToolAnswer, ToolFault } from './tool.ts'

const Input = z.object({
  command: z.string().optional(),
  restart: z.boolean().optional(),
  timeout_ms: z.number().positive().optional(),
})

const DEFAULT_COMMAND_MS = 2 * 60_000
/** Longest time that one command may ask for. */
const MAX_COMMAND_MS = 10 * 60_000
/** What one command may write, in bytes. */
export const MOST_OUTPUT = 16 * 1024 * 1024

export type BashOptions = Omit<ShellOptions, 'mostOutput'>

/** The shell as the model knows it: same name and input as the one of the SDK, with limits that are told by name. */
export function bashTool(options: BashOptions): Tool {
  let shell: Shell | undefined
  const run = async (command: string, timeoutMs: number, signal: AbortSignal): Promise<ToolAnswer> => {
    if (shell === undefined || shell.isGone) shell = new Shell({ ...options, mostOutput: MOST_OUTPUT })
    const { code, output, fault } = await shell.run(command, timeoutMs, signal)
    if (fault !== undefined) return { content: explain(fault, output, timeoutMs), isError: true, fault }
    return code === 0 ? { content: output, isError: false } : { content: output || `exit ${code}`, isError: true }
  }
  return {
    definition: {
      name: 'bash',
      description: 'Run a bash command in a persistent shell. State (cwd, env vars) persists across calls.',
      input_schema: {
        type: 'object',
        properties: {
          command: { type: 'string', description: 'The command to run' },
          restart: { type: 'boolean', description: 'Restart the persistent shell before running' },
          timeout_ms: { type: 'integer', description: 'Per-call timeout in milliseconds' },
        },
      },
    },
    async run({ input }, signal) {
      const asked = Input.safeParse(input)
      if (!asked.success) return { content: `bash: ${z.prettifyError(asked.error)}`, isError: true }
      const { command = '', restart = false, timeout_ms = DEFAULT_COMMAND_MS } = asked.data
      if (restart) shell?.kill('shell-ended')
      if (command !== '') return run(command, Math.min(timeout_ms, MAX_COMMAND_MS), signal)
      return restart
        ? { content: 'bash session restarted', isError: false }
        : { content: 'bash: command is required', isError: true }
    },
    close: async () => shell?.kill('shell-ended'),
  }
}

/** What happened, and what to do about it. */
const EXPLAINED: Record<ToolFault, (timeoutMs: number) => string> = {
  'out-of-memory': () => 'it was killed, because the sandbox has no more memory: use less at a time',
  'output-limit': () =>
    `it was killed, because it wrote more than ${MOST_OUTPUT / 1024 / 1024} MiB: write to a file and read parts of it`,
  'time-limit': (timeoutMs) => `it was killed after ${timeoutMs} ms: ask for a longer timeout_ms, or do less at a time`,
  'process-limit': () => 'no process could be started: the sandbox has as many as it may have',
  'disk-full': () => 'the disk of the sandbox is full',
  'shell-ended': () => 'the shell ended; the next command gets a new one',
}

const explain = (fault: ToolFault, output: string, timeoutMs: number): string =>
  [output, `[${fault}] ${EXPLAINED[fault](timeoutMs)}`].filter(Boolean).join('\n')
