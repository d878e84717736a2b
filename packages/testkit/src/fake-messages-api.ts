import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** A request as it came over the wire. */
export type ReceivedRequest = {
  /** Counts from 1. */
  readonly nth: number
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, unknown>>
}

export type ScriptedBlock =
  | { type: 'text'; text: string }
  | { type: 'thinking'; thinking: string; signature: string }
  | { type: 'tool_use'; id: string; name: string; input: unknown }

export type ScriptedMessage = {
  content: readonly ScriptedBlock[]
  /** Default: `tool_use` when there is a call, else `end_turn`. */
  stopReason?: string
  usage?: { input: number; output: number }
}

/** How a request is answered; the last five are what a bad day brings. */
export type ScriptedReply =
  | ({ kind: 'message' } & ScriptedMessage)
  | { kind: 'status'; status: number; type: string; message: string; headers?: Record<string, string> }
  /** An `error` event in a stream that began well. */
  | { kind: 'error-event'; type: string; message: string }
  /** The connection breaks in the middle of the message. */
  | ({ kind: 'reset' } & ScriptedMessage)
  /** The stream ends in order, but in the middle of the message. */
  | ({ kind: 'early-end' } & ScriptedMessage)
  /** The stream goes silent in the middle of the message and stays open. */
  | ({ kind: 'stall' } & ScriptedMessage)
  /** The input of the first call ends in the middle of its JSON. */
  | ({ kind: 'broken-json' } & ScriptedMessage)

/** A peer that speaks the streaming Messages API, as a script tells it to. */
export type FakeMessagesApi = AsyncDisposable & {
  readonly url: string
  readonly requests: readonly ReceivedRequest[]
  /** Settles when request number `nth` has come. */
  received(nth: number): Promise<ReceivedRequest>
}

/** Starts the peer on a free port of 127.0.0.1. `script` is asked for each reply. */
export async function startFakeMessagesApi(
  script: (request: ReceivedRequest) => ScriptedReply | Promise<ScriptedReply>,
): Promise<FakeMessagesApi> {
  const requests: ReceivedRequest[] = []
  const waiting = new Map<number, (request: ReceivedRequest) => void>()
  const serve = async (incoming: IncomingMessage, response: ServerResponse) => {
    const request = await receive(incoming, requests.length + 1)
    requests.push(request)
    waiting.get(request.nth)?.(request)
    await send(response, await script(request))
  }
  const server = createServer((incoming, response) => {
    serve(incoming, response).catch((thrown) => response.destroy(thrown))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the fake has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    received: (nth) => {
      const come = requests[nth - 1]
      return come === undefined ? new Promise((resolve) => waiting.set(nth, resolve)) : Promise.resolve(come)
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function receive(incoming: IncomingMessage, nth: number): Promise<ReceivedRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString('utf8')
  const headers = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)] as const)
  return {
    nth,
    method: incoming.method ?? '',
    path: incoming.url ?? '',
    headers: Object.fromEntries(headers),
    body: text === '' ? {} : JSON.parse(text),
  }
}

async function send(response: ServerResponse, reply: ScriptedReply): Promise<void> {
  switch (reply.kind) {
    case 'status': {
      response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers })
      response.end(JSON.stringify({ type: 'error', error: { type: reply.type, message: reply.message } }))
      return
    }
    case 'error-event':
      begin(response)
      write(response, startOf({ content: [] }))
      write(response, { type: 'error', error: { type: reply.type, message: reply.message } })
      response.end()
      return
    case 'message':
      begin(response)
      for (const event of eventsOf(reply)) write(response, event)
      response.end()
      return
    case 'broken-json':
      begin(response)
      for (const event of eventsOf(reply)) write(response, broken(event))
      response.end()
      return
    default: {
      begin(response)
      const events = eventsOf(reply)
      for (const event of events.slice(0, Math.ceil(events.length / 2))) await written(response, event)
      if (reply.kind === 'reset') response.socket?.resetAndDestroy()
      if (reply.kind === 'early-end') response.end()
    }
  }
}

type StreamEvent = { type: string; [field: string]: unknown }

const begin = (response: ServerResponse) =>
  response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': 'req_fake' })
const frame = (event: StreamEvent) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
const write = (response: ServerResponse, event: StreamEvent) => response.write(frame(event))
const written = (response: ServerResponse, event: StreamEvent) =>
  new Promise<void>((resolve, reject) => {
    response.write(frame(event), (error) => (error ? reject(error) : resolve()))
  })

function startOf({ usage }: ScriptedMessage): StreamEvent {
  return {
    type: 'message_start',
    message: {
      id: 'msg_fake',
      type: 'message',
      role: 'assistant',
      model: 'fake-model',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: usage?.input ?? 10, output_tokens: 1 },
    },
  }
}

/** The events of a whole message, with texts and inputs in more than one piece. */
function eventsOf(message: ScriptedMessage): StreamEvent[] {
  const calls = message.content.some(({ type }) => type === 'tool_use')
  const stopReason = message.stopReason ?? (calls ? 'tool_use' : 'end_turn')
  return [
    startOf(message),
    { type: 'ping' },
    ...message.content.flatMap((block, index) => [
      { type: 'content_block_start', index, content_block: emptied(block) },
      ...deltasOf(block).map((delta) => ({ type: 'content_block_delta', index, delta })),
      { type: 'content_block_stop', index },
    ]),
    {
      type: 'message_delta',
      delta: { stop_reason: stopReason, stop_sequence: null },
      usage: { output_tokens: message.usage?.output ?? 5 },
    },
    { type: 'message_stop' },
  ]
}

function emptied(block: ScriptedBlock): Record<string, unknown> {
  switch (block.type) {
    case 'text':
      return { type: 'text', text: '' }
    case 'thinking':
      return { type: 'thinking', thinking: '', signature: '' }
    case 'tool_use':
      return { ...block, input: {} }
  }
}

function deltasOf(block: ScriptedBlock): Record<string, unknown>[] {
  switch (block.type) {
    case 'text':
      return halves(block.text).map((text) => ({ type: 'text_delta', text }))
    case 'thinking':
      return [
        ...halves(block.thinking).map((thinking) => ({ type: 'thinking_delta', thinking })),
        { type: 'signature_delta', signature: block.signature },
      ]
    case 'tool_use':
      return halves(JSON.stringify(block.input)).map((json) => ({ type: 'input_json_delta', partial_json: json }))
  }
}

function halves(text: string): string[] {
  const middle = Math.ceil(text.length / 2)
  return [text.slice(0, middle), text.slice(middle)]
}

/** What no JSON parser, however patient, can complete. */
const broken = (event: StreamEvent): StreamEvent =>
  event.type === 'content_block_delta'
    ? { ...event, delta: { type: 'input_json_delta', partial_json: '{"a" "b' } }
    : event
