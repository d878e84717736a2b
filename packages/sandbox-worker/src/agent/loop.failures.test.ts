import { type ScriptedReply, sayText, startScriptedPeer } from '@specfleet/testkit'
import { describe, expect, it } from 'vitest'
import { converse } from './loop.ts'
import { keptMeans } from './means.fixture.ts'
import { talk } from './talk.fixture.ts'

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
    await using api = await startScriptedPeer(bad, bad, sayText('At last.'))
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
    await using api = await startScriptedPeer(limited('7'), limited('100000'), sayText('At last.'))
    const means = keptMeans(api.url)
    await converse(talk([]), means)
    expect(means.waits).toEqual([7_000, 60_000])
  })

  it.each<[string, ScriptedReply]>([
    ['rate-limited', { kind: 'status', status: 429, type: 'rate_limit_error', message: 'slow down' }],
    ['unreachable', { kind: 'status', status: 503, type: 'api_error', message: 'down' }],
  ])('gives up as %s when it does not end', async (kind, bad) => {
    await using api = await startScriptedPeer(bad)
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
    await using api = await startScriptedPeer(bad)
    expect(await converse(talk([]), keptMeans(api.url))).toMatchObject({ kind })
    expect(api.requests).toHaveLength(1)
  })

  it('ends at once when the bus is gone, in the middle of a silent stream', async () => {
    await using api = await startScriptedPeer({ kind: 'stall', ...cut })
    const means = keptMeans(api.url)
    const ending = converse(talk([]), means)
    await api.received(1)
    means.kill(new Error('the bus is gone'))
    await expect(ending).rejects.toThrow('the bus is gone')
  })
})
