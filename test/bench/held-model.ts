/** A model that holds on to runs: each takes one turn, which is acknowledged, and waits in its second call. */
import { type FakeMessagesApi, startFakeMessagesApi } from '@specfleet/testkit'
import * as z from 'zod'

export type HeldModel = AsyncDisposable & {
  /** Variables by which orchestrators reach it. */
  readonly env: Readonly<Record<string, string>>
  /** Makes a conversation that is held; its prompt has the name in it. */
  hold(): Held
}

export type Held = {
  readonly prompt: string
  /** Settles when it waits in its second call, its first turn acknowledged. */
  readonly reached: Promise<void>
  /** Lets it, and whoever takes it up again, come to its end. */
  letGo(): void
}

const Messages = z.looseObject({ messages: z.array(z.looseObject({ role: z.string() })) })
const NAME = /conversation-(\d+)/

export async function startHeldModel(): Promise<HeldModel> {
  const conversations = new Map<string, { reach: () => void; over: Promise<void> }>()
  const model: FakeMessagesApi = await startFakeMessagesApi(async ({ body }) => {
    const { messages } = Messages.parse(body)
    const conversation = conversations.get(NAME.exec(JSON.stringify(messages[0]))?.[0] ?? '')
    if (conversation === undefined) return { kind: 'status', status: 404, type: 'not_found_error', message: 'whose?' }
    if (!messages.some(({ role }) => role === 'assistant'))
      return { kind: 'message', content: [{ type: 'tool_use', id: 'toolu_1', name: 'glob', input: { pattern: '*' } }] }
    conversation.reach()
    await conversation.over
    return { kind: 'message', content: [{ type: 'text', text: 'Done.' }] }
  })
  return {
    env: { MODEL_UPSTREAM: 'anthropic', ANTHROPIC_BASE_URL: model.url },
    hold() {
      const name = `conversation-${conversations.size + 1}`
      const reached = Promise.withResolvers<void>()
      const over = Promise.withResolvers<void>()
      conversations.set(name, { reach: reached.resolve, over: over.promise })
      return { prompt: `This is ${name}.`, reached: reached.promise, letGo: over.resolve }
    },
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  }
}
