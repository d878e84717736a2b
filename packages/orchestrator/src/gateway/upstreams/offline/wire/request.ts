import * as z from 'zod'

/** The part of the Messages API that is read here; whatever else a client sends is let through unread. */

const TextBlock = z.looseObject({ type: z.literal('text'), text: z.string() })
const ToolUseBlock = z.looseObject({
  type: z.literal('tool_use'),
  id: z.string().min(1),
  name: z.string().min(1),
  input: z.record(z.string(), z.unknown()),
})
const OtherBlock = z.looseObject({ type: z.string() }).refine(({ type }) => !READ_TYPES.has(type))
const ToolResultBlock = z.looseObject({
  type: z.literal('tool_result'),
  tool_use_id: z.string().min(1),
  content: z.union([z.string(), z.array(z.union([TextBlock, OtherBlock]))]).optional(),
  is_error: z.boolean().optional(),
})
const READ_TYPES: ReadonlySet<string> = new Set(['text', 'tool_use', 'tool_result'])

const Block = z.union([TextBlock, ToolUseBlock, ToolResultBlock, OtherBlock])
export type Block = z.infer<typeof Block>

const Message = z.looseObject({
  role: z.enum(['user', 'assistant']),
  content: z.union([z.string(), z.array(Block)]),
})
export type Message = z.infer<typeof Message>

const Tool = z.looseObject({ name: z.string().min(1) })
const ToolChoice = z.looseObject({ type: z.enum(['auto', 'any', 'tool', 'none']), name: z.string().optional() })

/** What `/v1/messages/count_tokens` takes. */
export const CountRequest = z.looseObject({
  model: z.string().min(1),
  messages: z.array(Message).min(1, 'at least one message is required'),
  system: z.union([z.string(), z.array(TextBlock)]).optional(),
  tools: z.array(Tool).optional(),
  tool_choice: ToolChoice.optional(),
})
export type CountRequest = z.infer<typeof CountRequest>

/** What `/v1/messages` takes. */
export const MessagesRequest = CountRequest.extend({
  max_tokens: z.number().int().positive(),
  stream: z.boolean().optional(),
  output_config: z.looseObject({ format: z.unknown().optional() }).optional(),
})
export type MessagesRequest = z.infer<typeof MessagesRequest>

/** The text of a message or a tool result: its text blocks, one below the other. */
export function textOf(content: string | readonly Block[] | undefined): string {
  if (content === undefined || typeof content === 'string') return content ?? ''
  return content.flatMap((block) => (isText(block) ? [block.text] : [])).join('\n')
}

export const blocksOf = ({ content }: Message): readonly Block[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : content

export const isText = (block: Block): block is z.infer<typeof TextBlock> => block.type === 'text'
export const isToolUse = (block: Block): block is z.infer<typeof ToolUseBlock> => block.type === 'tool_use'
export const isToolResult = (block: Block): block is z.infer<typeof ToolResultBlock> => block.type === 'tool_result'

/** What the API refuses although every message is well-formed; `undefined` when nothing. */
export function conversationFault(messages: readonly Message[]): string | undefined {
  if (messages[0]?.role !== 'user') return 'messages.0.role: the first message must be of the user'
  if (messages.at(-1)?.role === 'assistant') return 'messages: the last message must be of the user'
  for (const [index, message] of messages.entries()) {
    const fault = pairingFault(message, messages[index - 1])
    if (fault !== undefined) return `messages.${index}: ${fault}`
  }
  return undefined
}

/** Every call is answered in the very next message, and nothing else is. */
function pairingFault(message: Message, before: Message | undefined): string | undefined {
  const called = before?.role === 'assistant' ? blocksOf(before).filter(isToolUse) : []
  const answered = blocksOf(message).filter(isToolResult)
  const missing = called.filter(({ id }) => !answered.some((result) => result.tool_use_id === id))
  if (missing.length > 0) {
    const ids = missing.map(({ id }) => id).join(', ')
    return `\`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${ids}`
  }
  const stray = answered.find(({ tool_use_id }) => !called.some(({ id }) => id === tool_use_id))
  return stray && `unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${stray.tool_use_id}`
}
