import { MessageId } from '@specfleet/shared'
import {
  type FakeMessagesApi,
  type ReceivedRequest,
  type ScriptedReply,
  startFakeMessagesApi,
} from '@specfleet/testkit'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Toolbox } from '../tools/registry.ts'
import type { Tool } from '../tools/tool.ts'
import type { Conversation } from './conversation.ts'
import { converse } from './loop.ts'
import { type KeptMeans, keptMeans } from './means.fixture.ts'

const text = (words: string): ScriptedReply => ({ kind: 'message', content: [{ type: 'text', text: words }] })
const calls = (...names: string[]): ScriptedReply => ({
  kind: 'message',
  content: names.map((name, at) => ({ type: 'tool_use', id: `call-${at}`, name, input: { file_path: 'a.ts' } })),
})

/** A peer that gives these replies, in turn; the last one again and again. */
async function peer(...replies: ScriptedReply[]): Promise<FakeMessagesApi> {
  const api = await startFakeMessagesApi(({ nth }) => replies[Math.min(nth, replies.length) - 1] ?? text(''))
  onTestFinished(async () => await api[Symbol.asyncDispose]())
  return api
}

const tool = (name: string, run: () => string | Promise<string>, quick = false): Tool => ({
  definition: { name, description: name, input_schema: { type: 'object' } },
  quick,
  run: async () => ({ content: await run(), isError: false }),
})

function talk(tools: readonly Tool[], over: Partial<Conversation> = {}): Conversation {
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

const messagesOf = (request: ReceivedRequest | undefined) => JSON.stringify(request?.body.messages)
const order = (means: KeptMeans, command: 'cancel' | 'pause' | 'drain') =>
  means.link.orders.take({ v: 1, id: MessageId.parse(`order-${command}`), command })
const steer = (means: KeptMeans, words: string, id = 'steer-1') =>
  means.link.orders.take({ v: 1, id: MessageId.parse(id), command: 'steer', text: words })

describe('turns', () => {
  it('are stored whole, with the results of all calls, before the next request', async () => {
    const api = await peer(calls('look', 'look', 'missing'), text('Found it.'))
    const means = keptMeans(api.url)
    let storedAtSecondRequest = 0
    const watched = tool('look', () => {
      storedAtSecondRequest = means.stored.length
      return 'seen'
    })
    const end = await converse(talk([watched]), means)
    expect(end).toEqual({ kind: 'finished', text: 'Found it.' })
    expect(storedAtSecondRequest).toBe(0)
    expect(means.stored.map(({ turn, stopReason }) => [turn, stopReason])).toEqual([
      [1, 'tool_use'],
      [2, 'end_turn'],
    ])
    expect(means.stored[0]?.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
    const results = means.stored[0]?.messages[2]?.content
    expect(results).toMatchObject([
      { tool_use_id: 'call-0', content: 'seen', is_error: false },
      { tool_use_id: 'call-1', content: 'seen', is_error: false },
      { tool_use_id: 'call-2', is_error: true, content: expect.stringContaining('no tool missing') },
    ])
    // What was stored is what the model is sent again, to the letter.
    expect(api.requests[1]?.body.messages).toEqual(means.stored[0]?.messages)
  })

  it('are sent without server-held threads, with the tools in their order', async () => {
    const api = await peer(text('Hello.'))
    await converse(talk([tool('b', () => ''), tool('a', () => '')]), keptMeans(api.url))
    const [request] = api.requests
    expect(request?.path).toMatch(/^\/v1\/messages/)
    expect(request?.body).toMatchObject({ stream: true, model: 'fake-model', system: 'Be brief.' })
    expect(request?.body).not.toHaveProperty('thread')
    expect(request?.body.tools).toMatchObject([{ name: 'b' }, { name: 'a' }])
  })

  it('carry on from stored ones without a first word of their own', async () => {
    const api = await peer(calls('look'), text('Done.'))
    const first = keptMeans(api.url)
    await converse(talk([tool('look', () => 'seen')]), first)
    const stored = first.stored.slice(0, 1)
    const end = await converse(talk([], { stored }), keptMeans(api.url))
    expect(end).toMatchObject({ kind: 'finished' })
    expect(api.requests.at(-1)?.body.messages).toEqual(stored[0]?.messages)
  })

  it('need no model when the last stored one was the last word', async () => {
    const api = await peer(text('Done.'))
    const first = keptMeans(api.url)
    await converse(talk([]), first)
    expect(await converse(talk([], { stored: first.stored }), keptMeans(api.url))).toEqual({
      kind: 'finished',
      text: 'Done.',
    })
    expect(api.requests).toHaveLength(1)
  })
})

describe('a bad day', () => {
  const cut = { content: [{ type: 'text' as const, text: 'Half a sentence' }] }
  it.each<[string, ScriptedReply]>([
    ['a reset', { kind: 'reset', ...cut }],
    ['an early end', { kind: 'early-end', ...cut }],
    ['an overload', { kind: 'status', status: 529, type: 'overloaded_error', message: 'busy' }],
    ['an overload inside the stream', { kind: 'error-event', type: 'overloaded_error', message: 'busy' }],
    ['a server error', { kind: 'status', status: 500, type: 'api_error', message: 'oops' }],
    ['broken JSON', { kind: 'broken-json', content: [{ type: 'tool_use', id: 't', name: 'look', input: { a: 1 } }] }],
  ])('%s is tried again within the turn', async (_, bad) => {
    const api = await peer(bad, bad, text('At last.'))
    const means = keptMeans(api.url)
    expect(await converse(talk([]), means)).toEqual({ kind: 'finished', text: 'At last.' })
    expect(means.stored).toHaveLength(1)
    expect(means.traces.filter(({ type }) => type === 'model.retried')).toHaveLength(2)
    expect(means.waits).toEqual([500, 1_000])
  })

  it('waits as long as it is told to, within reason', async () => {
    const limited = (after: string): ScriptedReply => ({
      kind: 'status',
      status: 429,
      type: 'rate_limit_error',
      message: 'slow down',
      headers: { 'retry-after': after },
    })
    const api = await peer(limited('7'), limited('100000'), text('At last.'))
    const means = keptMeans(api.url)
    await converse(talk([]), means)
    expect(means.waits).toEqual([7_000, 60_000])
  })

  it.each<[string, ScriptedReply]>([
    ['rate-limited', { kind: 'status', status: 429, type: 'rate_limit_error', message: 'slow down' }],
    ['unreachable', { kind: 'status', status: 503, type: 'api_error', message: 'down' }],
  ])('gives up as %s when it does not end', async (kind, bad) => {
    const api = await peer(bad)
    expect(await converse(talk([]), keptMeans(api.url))).toMatchObject({ kind })
  })

  it.each<[string, ScriptedReply, string]>([
    ['a spent budget', { kind: 'status', status: 402, type: 'billing_error', message: 'no money' }, 'budget'],
    ['a bad request', { kind: 'status', status: 400, type: 'invalid_request_error', message: 'no' }, 'failed'],
    [
      'what the gateway says is final',
      { kind: 'status', status: 500, type: 'api_error', message: 'no', headers: { 'x-should-retry': 'false' } },
      'failed',
    ],
  ])('does not repeat %s', async (_, bad, kind) => {
    const api = await peer(bad)
    expect(await converse(talk([]), keptMeans(api.url))).toMatchObject({ kind })
    expect(api.requests).toHaveLength(1)
  })

  it('ends at once when the bus is gone, in the middle of a silent stream', async () => {
    const api = await peer({ kind: 'stall', ...cut })
    const means = keptMeans(api.url)
    const ending = converse(talk([]), means)
    await api.received(1)
    means.kill(new Error('the bus is gone'))
    await expect(ending).rejects.toThrow('the bus is gone')
  })
})

describe('a model that stops short', () => {
  it('is nudged while it owes a hand-in, and fails in the end', async () => {
    const api = await peer(text('I am done, I think.'))
    const means = keptMeans(api.url)
    const end = await converse(talk([], { owesHandIn: () => true }), means)
    expect(end).toMatchObject({ kind: 'failed', reason: expect.stringContaining('without handing in') })
    expect(api.requests).toHaveLength(4)
    // Whoever resumes can go on.
    expect(means.stored.at(-1)?.messages.at(-1)?.role).toBe('user')
  })

  it('is nudged when it says nothing at all', async () => {
    const api = await peer({ kind: 'message', content: [] })
    const means = keptMeans(api.url)
    expect(await converse(talk([], { owesHandIn: () => true }), means)).toMatchObject({ kind: 'failed' })
    expect(messagesOf(api.requests[1])).toContain('Go on.')
  })

  it('runs nothing of a reply that was cut off', async () => {
    const api = await peer(
      {
        kind: 'message',
        content: [{ type: 'tool_use', id: 'c', name: 'look', input: {} }],
        stopReason: 'max_tokens',
      },
      text('Shorter.'),
    )
    let ran = 0
    const looked = tool('look', () => String(++ran))
    expect(await converse(talk([looked]), keptMeans(api.url))).toEqual({ kind: 'finished', text: 'Shorter.' })
    expect(ran).toBe(0)
    expect(messagesOf(api.requests[1])).toContain('cut off')
  })

  it('fails on a refusal, and forgets it', async () => {
    const api = await peer({ kind: 'message', content: [{ type: 'text', text: 'No.' }], stopReason: 'refusal' })
    const means = keptMeans(api.url)
    expect(await converse(talk([]), means)).toMatchObject({ kind: 'failed' })
    expect(means.stored[0]?.messages.map(({ role }) => role)).toEqual(['user'])
  })

  it('stops at the turns of the budget', async () => {
    const api = await peer(calls('look'))
    const means = keptMeans(api.url, { budget: { turns: 2 } })
    expect(await converse(talk([tool('look', () => '')]), means)).toMatchObject({ kind: 'budget' })
    expect(means.stored).toHaveLength(2)
  })
})

describe('orders', () => {
  it('a pause is heeded between two calls; what is quick still runs, the turn is stored', async () => {
    const api = await peer(calls('slow', 'slow', 'quick'), text('never'))
    const means = keptMeans(api.url)
    let ran = 0
    const slow = tool('slow', () => {
      ran += 1
      order(means, 'pause')
      return 'done'
    })
    const end = await converse(talk([slow, tool('quick', () => 'done', true)]), means)
    expect(end).toMatchObject({ kind: 'stopped', stop: { command: 'pause' } })
    expect(ran).toBe(1)
    expect(means.stored[0]?.messages[2]?.content).toMatchObject([
      { is_error: false },
      { is_error: true, content: expect.stringContaining('not run') },
      { is_error: false },
    ])
    expect(api.requests).toHaveLength(1)
  })

  it('a cancellation also interrupts a model call', async () => {
    const api = await peer({ kind: 'stall', content: [{ type: 'text', text: 'Thinking' }] })
    const means = keptMeans(api.url)
    const ending = converse(talk([]), means)
    await api.received(1)
    order(means, 'cancel')
    expect(await ending).toMatchObject({ kind: 'stopped', stop: { command: 'cancel' } })
    expect(means.stored).toEqual([])
  })

  it('a steer stands beside the results, and is stated once that is stored', async () => {
    const api = await peer(calls('look'), text('Understood.'))
    const means = keptMeans(api.url)
    means.onStore = () => expect(means.facts).toEqual([])
    const look = tool('look', () => {
      steer(means, 'mind the tests')
      return 'seen'
    })
    const ending = converse(talk([look]), means)
    await api.received(2)
    means.onStore = () => {}
    await ending
    expect(messagesOf(api.requests[1])).toContain('mind the tests')
    expect(means.facts).toEqual([
      { type: 'agent.steered', data: { controlId: 'steer-1', command: 'steer', text: 'mind the tests' } },
    ])
  })

  it('a steer before the start opens with it, and one at the end keeps the model going', async () => {
    const api = await startFakeMessagesApi(({ nth }) => {
      if (nth === 1) steer(means, 'one more thing', 'steer-2')
      return text(`Done ${nth}.`)
    })
    onTestFinished(async () => await api[Symbol.asyncDispose]())
    const means = keptMeans(api.url)
    steer(means, 'first of all')
    expect(await converse(talk([]), means)).toEqual({ kind: 'finished', text: 'Done 2.' })
    expect(messagesOf(api.requests[0])).toContain('first of all')
    expect(messagesOf(api.requests[1])).toContain('one more thing')
    expect(means.facts.map(({ data }) => data)).toMatchObject([{ controlId: 'steer-1' }, { controlId: 'steer-2' }])
  })
})
