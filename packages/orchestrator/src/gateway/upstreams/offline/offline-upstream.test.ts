import { describe, expect, test } from 'vitest'
import { offlineUpstream } from './offline-upstream.ts'

const never = new AbortController().signal
const bytes = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
const plain = { model: 'm', max_tokens: 1_000, messages: [{ role: 'user', content: 'The service must store links.' }] }

async function post(path: string, body: unknown, method = 'POST', signal = never) {
  const response = await offlineUpstream({ maxBodyBytes: 10_000 }).fetch(
    { method, path, headers: {}, body: bytes(body) },
    signal,
  )
  return { ...response, text: await new Response(response.body).text() }
}

describe('the offline upstream', () => {
  test.each([
    ['/v1/messages', 'no json', 'POST', 400, 'invalid_request_error'],
    ['/v1/messages', { ...plain, max_tokens: 0 }, 'POST', 400, 'invalid_request_error'],
    ['/v1/messages', { ...plain, messages: [] }, 'POST', 400, 'invalid_request_error'],
    ['/v1/messages', { ...plain, output_config: { format: {} } }, 'POST', 400, 'invalid_request_error'],
    ['/v1/messages', plain, 'GET', 405, 'invalid_request_error'],
    ['/v1/files', plain, 'POST', 404, 'not_found_error'],
    ['/v1/messages', 'x'.repeat(10_001), 'POST', 413, 'request_too_large'],
  ])('%s %j %s is answered %i', async (path, body, method, status, type) => {
    const response = await post(path, body, method)
    expect(response.status).toBe(status)
    expect(JSON.parse(response.text)).toMatchObject({ type: 'error', error: { type, message: expect.any(String) } })
  })

  test('the same request gets the same bytes, with or without beta', async () => {
    const first = await post('/v1/messages', { ...plain, stream: true })
    const second = await post('/v1/messages?beta=true', { ...plain, stream: true })
    expect(first.headers['content-type']).toMatch('text/event-stream')
    expect(first.text).toMatch(/^event: message_start\n[\s\S]*event: message_stop\ndata: .*\n\n$/)
    expect(second).toMatchObject({ text: first.text, headers: first.headers })
  })

  test('without stream the message is one JSON', async () => {
    const message = JSON.parse((await post('/v1/messages', plain)).text)
    expect(message).toMatchObject({ type: 'message', role: 'assistant', model: 'm', stop_reason: 'end_turn' })
    expect(message.content[0].text).toContain('The service must store links.')
    expect(message.usage.input_tokens).toBeGreaterThan(0)
  })

  test('tokens are counted without max_tokens', async () => {
    const { max_tokens: _, ...countable } = plain
    const [short, long] = await Promise.all([
      post('/v1/messages/count_tokens', countable),
      post('/v1/messages/count_tokens', { ...countable, system: 'x'.repeat(4_000) }),
    ])
    expect(JSON.parse(long.text).input_tokens - JSON.parse(short.text).input_tokens).toBeGreaterThanOrEqual(1_000)
  })

  test('an abort ends a stream with its reason, and leaves nothing behind', async () => {
    const abort = new AbortController()
    const { body } = await offlineUpstream().fetch(
      { method: 'POST', path: '/v1/messages', headers: {}, body: bytes({ ...plain, stream: true }) },
      abort.signal,
    )
    const reader = body.getReader()
    await reader.read()
    abort.abort(new Error('enough'))
    await expect(
      (async () => {
        while (!(await reader.read()).done);
      })(),
    ).rejects.toThrow('enough')
    await expect(post('/v1/messages', plain, 'POST', abort.signal)).rejects.toThrow('enough')
  })

  test('a body may come as a stream, and an abort ends its reading', async () => {
    const body = new Blob([bytes(plain)]).stream()
    const { status } = await offlineUpstream().fetch({ method: 'POST', path: '/v1/messages', headers: {}, body }, never)
    expect(status).toBe(200)
    const abort = new AbortController()
    const stalled = offlineUpstream().fetch(
      { method: 'POST', path: '/v1/messages', headers: {}, body: new ReadableStream() },
      abort.signal,
    )
    abort.abort(new Error('enough'))
    await expect(stalled).rejects.toThrow('enough')
  })
})
