import { Toolbox } from '../tools/registry.ts'
import type { Tool } from '../tools/tool.ts'
import type { Conversation } from './conversation.ts'

export const tool = (name: string, run: () => string | Promise<string>, quick = false): Tool => ({
  definition: { name, description: name, input_schema: { type: 'object' } },
  quick,
  run: async () => ({ content: await run(), isError: false }),
})

export function talk(tools: readonly Tool[], over: Partial<Conversation> = {}): Conversation {
  return {
    name: 'plain',
    system: 'Be brief.',
    opening: 'Begin.',
    nudge: 'Go on.',
    stored: [],
    toolbox: new Toolbox(tools),
    owesHandIn: () => false,
    isOver: () => false,
    standing: () => ({ phase: null, attempt: 1 }),
    takeVerdicts: () => [],
    settle: async () => {},
    ...over,
  }
}

/** What a model was sent of the conversation, as text to look for words in. */
export const messagesOf = (request: { readonly body: { readonly messages?: unknown } } | undefined): string =>
  JSON.stringify(request?.body.messages)
