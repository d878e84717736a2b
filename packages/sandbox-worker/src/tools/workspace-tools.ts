import type { BetaRunnableTool } from '@anthropic-ai/sdk/lib/tools/BetaRunnableTool'
import { runRunnableTool, toolName } from '@anthropic-ai/sdk/lib/tools/BetaRunnableTool'
import { betaAgentToolset20260401 } from '@anthropic-ai/sdk/tools/agent-toolset/node'
import { z } from 'zod'
import { hasSchema, type Tool } from './tool.ts'

export type WorkspaceAccess = 'read' | 'write'
const CHANGING = new Set(['write', 'edit'])
/** Longest time that one command may ask for. */
const MAX_COMMAND_MS = 10 * 60_000

export type WorkspaceToolOptions = {
  /** Root of the source: the file tools reach nothing outside. */
  workdir: string
  /** The whole environment of commands. */
  env: Readonly<Record<string, string>>
  /** With `read`, only the shell can change files; what it leaves behind is not looked at. */
  access: WorkspaceAccess
}

/** The shell and the file tools of the SDK, kept to the workspace. */
export const workspaceTools = ({ workdir, env, access }: WorkspaceToolOptions): Tool[] =>
  betaAgentToolset20260401({ workdir, env: { ...env }, allowedRoots: [] })
    .filter((tool) => access === 'write' || !CHANGING.has(toolName(tool)))
    .flatMap(adapt)

function adapt(tool: BetaRunnableTool): Tool[] {
  if (!hasSchema(tool)) return []
  const { name, description, input_schema } = tool
  const { close } = tool
  return [
    {
      definition: { name, input_schema, ...(description === undefined ? {} : { description }) },
      async run({ id, input }, signal) {
        const toolUse = { type: 'tool_use' as const, id, name, input }
        const outcome = await runRunnableTool(tool, bounded(input), { toolUse, toolUseBlock: toolUse, signal })
        signal.throwIfAborted()
        return outcome
      },
      ...(close === undefined ? {} : { close: async () => close() }),
    },
  ]
}

const Timed = z.looseObject({ timeout_ms: z.number() })
const bounded = (input: unknown): unknown => {
  const timed = Timed.safeParse(input)
  return timed.success ? { ...timed.data, timeout_ms: Math.min(timed.data.timeout_ms, MAX_COMMAND_MS) } : input
}
