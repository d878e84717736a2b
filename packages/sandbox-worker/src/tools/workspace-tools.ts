import type { BetaRunnableTool } from '@anthropic-ai/sdk/lib/tools/BetaRunnableTool'
import { runRunnableTool, toolName } from '@anthropic-ai/sdk/lib/tools/BetaRunnableTool'
import { betaAgentToolset20260401 } from '@anthropic-ai/sdk/tools/agent-toolset/node'
import { bashTool } from './bash-tool.ts'
import { DiskWatch } from './disk-watch.ts'
import { hasSchema, type Tool } from './tool.ts'

export type WorkspaceAccess = 'read' | 'write'
const CHANGING = new Set(['write', 'edit'])

export type WorkspaceToolOptions = {
  /** Root of the source: the file tools reach nothing outside. */
  workdir: string
  /** The whole environment of commands. */
  env: Readonly<Record<string, string>>
  /** With `read`, only the shell can change files; what it leaves behind is not looked at. */
  access: WorkspaceAccess
}

/** A shell, and the file tools of the SDK, kept to the workspace. */
export function workspaceTools({ workdir, env, access }: WorkspaceToolOptions): Tool[] {
  const disk = new DiskWatch(workdir)
  const files = betaAgentToolset20260401({ workdir, env: { ...env }, allowedRoots: [] })
    .filter((tool) => toolName(tool) !== 'bash' && (access === 'write' || !CHANGING.has(toolName(tool))))
    .flatMap(adapt)
  return [bashTool({ cwd: workdir, env }), ...files].map((tool) => disk.over(tool))
}

function adapt(tool: BetaRunnableTool): Tool[] {
  if (!hasSchema(tool)) return []
  const { name, description, input_schema } = tool
  const { close } = tool
  return [
    {
      definition: { name, input_schema, ...(description === undefined ? {} : { description }) },
      async run({ id, input }, signal) {
        const toolUse = { type: 'tool_use' as const, id, name, input }
        const outcome = await runRunnableTool(tool, input, { toolUse, toolUseBlock: toolUse, signal })
        signal.throwIfAborted()
        return outcome
      },
      ...(close === undefined ? {} : { close: async () => close() }),
    },
  ]
}
