import { MessageId } from '@specfleet/shared'
import { callTools, sayText, startFakeMessagesApi, startScriptedPeer } from '@specfleet/testkit'
import { describe, expect, it } from 'vitest'
import { converse } from './loop.ts'
import { type KeptMeans, keptMeans } from './means.fixture.ts'
import { messagesOf, talk, tool } from './talk.fixture.ts'

const order = (means: KeptMeans, command: 'cancel' | 'pause' | 'drain') =>
  means.link.orders.take({ v: 1, id: MessageId.parse(`order-${command}`), command })
const steer = (means: KeptMeans, words: string, id = 'steer-1') =>
  means.link.orders.take({ v: 1, id: MessageId.parse(id), command: 'steer', text: words })

describe('orders', () => {
  it('a pause is heeded between two calls; what is quick still runs, the turn is stored', async () => {
    await using api = await startScriptedPeer(callTools('slow', 'slow', 'quick'), sayText('never'))
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
    await using api = await startScriptedPeer({ kind: 'stall', content: [{ type: 'text', text: 'Thinking' }] })
    const means = keptMeans(api.url)
    const ending = converse(talk([]), means)
    await api.received(1)
    order(means, 'cancel')
    expect(await ending).toMatchObject({ kind: 'stopped', stop: { command: 'cancel' } })
    expect(means.stored).toEqual([])
  })

  it('a steer stands beside the results, and is stated once that is stored', async () => {
    await using api = await startScriptedPeer(callTools('look'), sayText('Understood.'))
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
    await using api = await startFakeMessagesApi(({ nth }) => {
      if (nth === 1) steer(means, 'one more thing', 'steer-2')
      return sayText(`Done ${nth}.`)
    })
    const means = keptMeans(api.url)
    steer(means, 'first of all')
    expect(await converse(talk([]), means)).toEqual({ kind: 'finished', text: 'Done 2.' })
    expect(messagesOf(api.requests[0])).toContain('first of all')
    expect(messagesOf(api.requests[1])).toContain('one more thing')
    expect(means.facts.map(({ data }) => data)).toMatchObject([{ controlId: 'steer-1' }, { controlId: 'steer-2' }])
  })
})
