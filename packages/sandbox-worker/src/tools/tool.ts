import type { BetaRunnableTool } from '@anthropic-ai/sdk/lib/tools/BetaRunnableTool'
import type { BetaTool, BetaToolResultBlockParam } from '@anthropic-ai/sdk/resources/beta'

export type ToolContent = NonNullable<BetaToolResultBlockParam['content']>
/** A limit that a call ran into, by name. */
export type ToolFault = 'out-of-memory' | 'output-limit' | 'time-limit' | 'process-limit' | 'disk-full' | 'shell-ended'
export type ToolAnswer = { readonly content: ToolContent; readonly isError: boolean; readonly fault?: ToolFault }
export type ToolCall = { readonly id: string; readonly name: string; readonly input: unknown }

/** A tool that the model may call. */
export interface Tool {
  readonly definition: BetaTool
  /** It answers at once and changes nothing outside this process. */
  readonly quick?: boolean
  /** Answers every input, a bad one with what is wrong about it. Rejects only when the signal fires, or nothing more can be done. */
  run(call: ToolCall, signal: AbortSignal): Promise<ToolAnswer>
  /** Ends what the tool keeps running. */
  close?(): Promise<void>
}

/** A tool of the SDK that is described by a schema, as all are that run here. */
export const hasSchema = (tool: BetaRunnableTool): tool is BetaRunnableTool & BetaTool => 'input_schema' in tool
