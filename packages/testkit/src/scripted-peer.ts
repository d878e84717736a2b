import { type FakeMessagesApi, type ScriptedReply, startFakeMessagesApi } from './fake-messages-api.ts'
import { sayText } from './plan-script.ts'

/** A reply that calls these tools, in this order and with no word. */
export const callTools = (...names: string[]): ScriptedReply => ({
  kind: 'message',
  content: names.map((name, at) => ({ type: 'tool_use', id: `call-${at}`, name, input: { file_path: 'a.ts' } })),
})

/** A model that gives these replies, in turn; the last one again and again. */
export const startScriptedPeer = (...replies: ScriptedReply[]): Promise<FakeMessagesApi> =>
  startFakeMessagesApi(({ nth }) => replies[Math.min(nth, replies.length) - 1] ?? sayText(''))
