import { callTools, sayText, startScriptedPeer } from '@specfleet/testkit'
import { describe, expect, it } from 'vitest'
import { converse } from './loop.ts'
import { keptMeans } from './means.fixture.ts'
import { messagesOf, talk, tool } from './talk.fixture.ts'

describe('turns', () => {
  it('are stored whole, with the results of all calls, before the next request', async () => {
    await using api = await startScriptedPeer(callTools('look', 'look', 'missing'), sayText('Found it.'))
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
    await using api = await startScriptedPeer(sayText('Hello.'))
    await converse(talk([tool('b', () => ''), tool('a', () => '')]), keptMeans(api.url))
    const [request] = api.requests
    expect(request?.path).toMatch(/^\/v1\/messages/)
    expect(request?.body).toMatchObject({ stream: true, model: 'fake-model', system: 'Be brief.' })
    expect(request?.body).not.toHaveProperty('thread')
    expect(request?.body.tools).toMatchObject([{ name: 'b' }, { name: 'a' }])
  })

  it('carry on from stored ones without a first word of their own', async () => {
    await using api = await startScriptedPeer(callTools('look'), sayText('Done.'))
    const first = keptMeans(api.url)
    await converse(talk([tool('look', () => 'seen')]), first)
    const stored = first.stored.slice(0, 1)
    const end = await converse(talk([], { stored }), keptMeans(api.url))
    expect(end).toMatchObject({ kind: 'finished' })
    expect(api.requests.at(-1)?.body.messages).toEqual(stored[0]?.messages)
  })

  it('need no model when the last stored one was the last word', async () => {
    await using api = await startScriptedPeer(sayText('Done.'))
    const first = keptMeans(api.url)
    await converse(talk([]), first)
    expect(await converse(talk([], { stored: first.stored }), keptMeans(api.url))).toEqual({
      kind: 'finished',
      text: 'Done.',
    })
    expect(api.requests).toHaveLength(1)
  })
})

describe('a model that stops short', () => {
  it('is nudged while it owes a hand-in, and fails in the end', async () => {
    await using api = await startScriptedPeer(sayText('I am done, I think.'))
    const means = keptMeans(api.url)
    const end = await converse(talk([], { owesHandIn: () => true }), means)
    expect(end).toMatchObject({ kind: 'failed', reason: expect.stringContaining('without handing in') })
    expect(api.requests).toHaveLength(4)
    // Whoever resumes can go on.
    expect(means.stored.at(-1)?.messages.at(-1)?.role).toBe('user')
  })

  it('is nudged when it says nothing at all', async () => {
    await using api = await startScriptedPeer({ kind: 'message', content: [] })
    const means = keptMeans(api.url)
    expect(await converse(talk([], { owesHandIn: () => true }), means)).toMatchObject({ kind: 'failed' })
    expect(messagesOf(api.requests[1])).toContain('Go on.')
  })

  it('runs nothing of a reply that was cut off', async () => {
    await using api = await startScriptedPeer(
      {
        kind: 'message',
        content: [{ type: 'tool_use', id: 'c', name: 'look', input: {} }],
        stopReason: 'max_tokens',
      },
      sayText('Shorter.'),
    )
    let ran = 0
    const looked = tool('look', () => String(++ran))
    expect(await converse(talk([looked]), keptMeans(api.url))).toEqual({ kind: 'finished', text: 'Shorter.' })
    expect(ran).toBe(0)
    expect(messagesOf(api.requests[1])).toContain('cut off')
  })

  it('fails on a refusal, and forgets it', async () => {
    await using api = await startScriptedPeer({
      kind: 'message',
      content: [{ type: 'text', text: 'No.' }],
      stopReason: 'refusal',
    })
    const means = keptMeans(api.url)
    expect(await converse(talk([]), means)).toMatchObject({ kind: 'failed' })
    expect(means.stored[0]?.messages.map(({ role }) => role)).toEqual(['user'])
  })

  it('stops at the turns of the budget', async () => {
    await using api = await startScriptedPeer(callTools('look'))
    const means = keptMeans(api.url, { budget: { turns: 2 } })
    expect(await converse(talk([tool('look', () => '')]), means)).toMatchObject({ kind: 'budget' })
    expect(means.stored).toHaveLength(2)
  })
})
