import type { AssistantMessage, ContentBlock } from './message.ts'

/** Length of one delta, in characters: enough of them to show a stream, few enough to be cheap. */
const DELTA = 512

type Event = { type: string } & Record<string, unknown>

/** The server-sent events that tell a message, in the order of the API. */
export function* eventsOf(message: AssistantMessage): Generator<Event> {
  const { content, stop_reason, stop_sequence, usage } = message
  yield {
    type: 'message_start',
    message: { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } },
  }
  for (const [index, block] of content.entries()) {
    yield { type: 'content_block_start', index, content_block: emptied(block) }
    for (const delta of deltasOf(block)) yield { type: 'content_block_delta', index, delta }
    yield { type: 'content_block_stop', index }
    if (index === 0) yield { type: 'ping' }
  }
  yield { type: 'message_delta', delta: { stop_reason, stop_sequence }, usage }
  yield { type: 'message_stop' }
}

const emptied = (block: ContentBlock): ContentBlock =>
  block.type === 'text' ? { ...block, text: '' } : { ...block, input: {} }

function* deltasOf(block: ContentBlock): Generator<Event> {
  if (block.type === 'text') {
    for (const text of pieces(block.text)) yield { type: 'text_delta', text }
  } else {
    for (const json of pieces(JSON.stringify(block.input))) yield { type: 'input_json_delta', partial_json: json }
  }
}

/** Cut between code points, so that no piece holds half a character. */
const pieces = (text: string): string[] => text.match(new RegExp(`[\\s\\S]{1,${DELTA}}`, 'gu')) ?? []

const encoder = new TextEncoder()
const bytesOf = (event: Event): Uint8Array => encoder.encode(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)

/** The events as bytes, made as the reader asks for them; errors with the reason of `signal` when that fires. */
export function streamOf(message: AssistantMessage, signal: AbortSignal): ReadableStream<Uint8Array> {
  const events = eventsOf(message)
  let stop: (() => void) | undefined
  const unlisten = () => {
    if (stop !== undefined) signal.removeEventListener('abort', stop)
  }
  return new ReadableStream<Uint8Array>({
    start(controller) {
      stop = () => controller.error(signal.reason)
      signal.addEventListener('abort', stop, { once: true })
    },
    pull(controller) {
      const { done, value } = events.next()
      if (!done) return controller.enqueue(bytesOf(value))
      unlisten()
      controller.close()
    },
    cancel: unlisten,
  })
}
