import { createHash } from 'node:crypto'
import type { Reply } from '../reply.ts'
import type { CountRequest } from './request.ts'

export type ContentBlock =
  | { type: 'text'; text: string; citations: null }
  | { type: 'tool_use'; id: string; name: string; input: Record<string, unknown> }

export type StopReason = 'end_turn' | 'tool_use' | 'max_tokens'

export type Usage = {
  input_tokens: number
  output_tokens: number
  cache_creation_input_tokens: number
  cache_read_input_tokens: number
}

export type AssistantMessage = {
  id: string
  type: 'message'
  role: 'assistant'
  model: string
  content: ContentBlock[]
  stop_reason: StopReason
  stop_sequence: null
  usage: Usage
}

const CHARACTERS_PER_TOKEN = 4
const tokensOf = (characters: number): number => Math.ceil(characters / CHARACTERS_PER_TOKEN)

/** Estimated from the length of what a model would read. */
export function countInputTokens({ system, messages, tools }: CountRequest): number {
  return tokensOf(JSON.stringify([system, messages, tools]).length)
}

/** Ids follow from the content, so that the same request always gets the same bytes. */
export function idOf(prefix: string, ...content: unknown[]): string {
  const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex')
  return `${prefix}_${hash.slice(0, 24)}`
}

/** The reply as the API's message; what exceeds `maxTokens` is cut off as a model's output would be. */
export function messageOf(reply: Reply, request: CountRequest, maxTokens: number): AssistantMessage {
  const { model, system, messages, tools } = request
  const id = idOf('msg', model, system, messages, tools)
  const blocks: ContentBlock[] = [
    ...(reply.text === '' ? [] : [{ type: 'text' as const, text: reply.text, citations: null }]),
    ...reply.calls.map(({ name, input }, index) => ({
      type: 'tool_use' as const,
      id: idOf('toolu', id, index),
      name,
      input,
    })),
  ]
  const { kept, tokens, cut } = fit(blocks, maxTokens)
  return {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content: kept,
    stop_reason: cut ? 'max_tokens' : reply.calls.length > 0 ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: {
      input_tokens: countInputTokens(request),
      output_tokens: tokens,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
    },
  }
}

/** Whole blocks as far as they fit; a text is cut, half a tool call is of no use and left out. */
function fit(blocks: readonly ContentBlock[], maxTokens: number) {
  const kept: ContentBlock[] = []
  let tokens = 0
  for (const block of blocks) {
    const size = tokensOf(block.type === 'text' ? block.text.length : JSON.stringify(block.input).length)
    const left = maxTokens - tokens
    if (size > left) {
      if (block.type === 'text') kept.push({ ...block, text: block.text.slice(0, left * CHARACTERS_PER_TOKEN) })
      return { kept, tokens: maxTokens, cut: true }
    }
    kept.push(block)
    tokens += size
  }
  return { kept, tokens: Math.max(tokens, 1), cut: false }
}
