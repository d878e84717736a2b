import { Anthropic } from '@anthropic-ai/sdk'
import type { BetaMessageParam, BetaToolUnion } from '@anthropic-ai/sdk/resources/beta'
import { renderSections } from '@specfleet/shared'
import { describe, expect, test } from 'vitest'
import { serveOffline } from './offline-server.ts'

const client = (baseURL: string) => new Anthropic({ baseURL, apiKey: 'none', maxRetries: 0, logLevel: 'off' })
const tool = (name: string): BetaToolUnion => ({ name, input_schema: { type: 'object' } })
const spec = '- The service must store notes of up to 200 characters\n- If a note is unknown, answer 404'
const opening = renderSections([
  { name: 'spec', attributes: { id: 's', title: 'Notes' }, body: spec },
  { name: 'phase', attributes: { name: 'requirements' }, body: 'Write the requirements.' },
])
const request = {
  model: 'claude-sonnet-5-5',
  max_tokens: 16_000,
  messages: [{ role: 'user', content: opening }] as BetaMessageParam[],
  tools: [tool('hand_in_requirements')],
}

describe('the real client understands the offline upstream', () => {
  test('a tool call streams in pieces and arrives whole', async () => {
    await using server = await serveOffline()
    const stream = client(server.baseURL).beta.messages.stream(request)
    let pieces = 0
    stream.on('inputJson', () => {
      pieces += 1
    })
    const message = await stream.finalMessage()
    expect(pieces).toBeGreaterThan(1)
    expect(message).toMatchObject({ role: 'assistant', model: request.model, stop_reason: 'tool_use' })
    expect(message.id).toMatch(/^msg_/)
    expect(message.usage.input_tokens).toBeGreaterThan(0)
    expect(message.usage.output_tokens).toBeGreaterThan(0)
    expect(message.content).toMatchObject([
      { type: 'text', text: expect.any(String) },
      { type: 'tool_use', name: 'hand_in_requirements', input: { requirements: [{ priority: 'HIGH' }, {}] } },
    ])
  })

  test('a conversation goes on with the tool results, and ends', async () => {
    await using server = await serveOffline()
    const { beta } = client(server.baseURL)
    const first = await beta.messages.stream(request).finalMessage()
    const results = first.content.flatMap((block) =>
      block.type === 'tool_use' ? [{ type: 'tool_result' as const, tool_use_id: block.id, content: 'accepted' }] : [],
    )
    const messages: BetaMessageParam[] = [
      ...request.messages,
      { role: 'assistant', content: first.content },
      { role: 'user', content: results },
    ]
    const last = await beta.messages.stream({ ...request, messages }).finalMessage()
    expect(last).toMatchObject({ stop_reason: 'end_turn', content: [{ type: 'text' }] })
  })

  test('without a stream it is the same message', async () => {
    await using server = await serveOffline()
    const { beta } = client(server.baseURL)
    const streamed = await beta.messages.stream(request).finalMessage()
    const whole = await beta.messages.create(request)
    expect(whole.content).toEqual(streamed.content)
    expect(whole.usage).toMatchObject({ input_tokens: streamed.usage.input_tokens })
  })

  test('tokens can be counted', async () => {
    await using server = await serveOffline()
    const { model, messages, tools } = request
    const counted = await client(server.baseURL).beta.messages.countTokens({ model, messages, tools })
    expect(counted.input_tokens).toBeGreaterThan(opening.length / 5)
  })

  test('errors come as the errors of the client', async () => {
    await using server = await serveOffline()
    const { beta } = client(server.baseURL)
    const dangling: BetaMessageParam[] = [
      ...request.messages,
      { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'bash', input: {} }] },
      { role: 'user', content: 'go on' },
    ]
    const refused = beta.messages.stream({ ...request, messages: dangling }).finalMessage()
    await expect(refused).rejects.toThrow(Anthropic.BadRequestError)
    await expect(refused).rejects.toThrow(/tool_use/)
    await expect(client(server.baseURL).models.list()).rejects.toThrow(Anthropic.NotFoundError)
  })

  test('an abort in the middle of a reply throws', async () => {
    await using server = await serveOffline()
    const bullets = Array.from({ length: 60 }, (_, index) => `- The service must store notes of kind ${index}`)
    const content = renderSections([{ name: 'spec', attributes: {}, body: bullets.join('\n') }])
    const abort = new AbortController()
    const stream = client(server.baseURL).beta.messages.stream(
      { ...request, messages: [{ role: 'user', content }] },
      { signal: abort.signal },
    )
    stream.once('text', () => abort.abort())
    await expect(stream.finalMessage()).rejects.toThrow(Anthropic.APIUserAbortError)
  })
})
