import type { BetaTool } from '@anthropic-ai/sdk/resources/beta'
import { capContent } from './cap.ts'
import type { Tool, ToolAnswer, ToolCall } from './tool.ts'

/** The tools of one conversation, by name. */
export class Toolbox implements AsyncDisposable {
  readonly #tools: ReadonlyMap<string, Tool>

  constructor(tools: readonly Tool[]) {
    this.#tools = new Map(tools.map((tool) => [tool.definition.name, tool]))
  }

  /** As they are sent to the model, always in the same order, so that prompts stay cached. */
  get definitions(): BetaTool[] {
    return [...this.#tools.values()].map(({ definition }) => definition)
  }

  isQuick(name: string): boolean {
    return this.#tools.get(name)?.quick === true
  }

  /** Answers every call, also one of a tool that is not there. Results are capped. */
  async run(call: ToolCall, signal: AbortSignal): Promise<ToolAnswer> {
    const tool = this.#tools.get(call.name)
    if (tool === undefined) {
      return { content: `there is no tool ${call.name}; use ${[...this.#tools.keys()].join(', ')}`, isError: true }
    }
    const answer = await tool.run(call, signal)
    return { ...answer, content: capContent(answer.content) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#tools.values()].map((tool) => tool.close?.()))
  }
}

const MAX_SUMMARY = 200
/** What a call is about, for people who watch: its most telling argument on one line. */
export function summarise({ input }: Pick<ToolCall, 'input'>): string {
  if (typeof input !== 'object' || input === null) return ''
  const fields: Record<string, unknown> = { ...input }
  const telling = ['command', 'file_path', 'path', 'pattern'].map((key) => fields[key]).filter(isText)
  const line = telling.join(' ').replace(/\s+/g, ' ').trim()
  return line.length > MAX_SUMMARY ? `${line.slice(0, MAX_SUMMARY - 1)}…` : line
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
