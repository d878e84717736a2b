import fc from 'fast-check'
import { expect, test } from 'vitest'
import { UsageReader } from './usage-reader.ts'

const event = (data: Record<string, unknown>) => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`
const start = {
  type: 'message_start',
  message: {
    model: 'claude-sonnet-5-5',
    usage: { input_tokens: 10, cache_read_input_tokens: 5, cache_creation_input_tokens: 7, output_tokens: 1 },
  },
}
const stream = [
  event(start),
  event({ type: 'content_block_delta', delta: { type: 'text_delta', text: 'größer "message_start" 大' } }),
  event({ type: 'message_delta', usage: { output_tokens: 42 } }),
  event({ type: 'message_stop' }),
].join('')
const read = (chunks: readonly Uint8Array[], contentType = 'text/event-stream; charset=utf-8') => {
  const reader = new UsageReader(contentType)
  for (const chunk of chunks) reader.see(chunk)
  return reader.end()
}
const whole = {
  model: 'claude-sonnet-5-5',
  tokens: { input: 10, output: 42, cacheRead: 5, cacheWrite5m: 7, cacheWrite1h: 0 },
  complete: true,
}

test('a stream says what it cost, wherever its bytes are cut', () => {
  const bytes = Buffer.from(stream)
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 10 }), (cuts) => {
      const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
      const chunks = at.slice(1).map((end, n) => bytes.subarray(at[n], end))
      expect(read(chunks)).toEqual(whole)
    }),
  )
})

test('a stream that breaks off has cost what it had said, and is not complete', () => {
  const report = read([Buffer.from(event(start))])
  expect(report).toMatchObject({ complete: false, tokens: { input: 10, output: 1 } })
})

test('writes to the cache are told apart by how long they are kept', () => {
  const usage = {
    input_tokens: 1,
    cache_creation_input_tokens: 9,
    cache_creation: { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 5 },
  }
  const report = read([Buffer.from(JSON.stringify({ model: 'm', usage }))], 'application/json')
  expect(report.tokens).toMatchObject({ cacheWrite5m: 4, cacheWrite1h: 5 })
  expect(report.complete).toBe(true)
})

test('a line without end is let pass, and the next one is read again', () => {
  const endless = Buffer.from(`data: {"type":"message_start${'x'.repeat(300_000)}`)
  expect(read([endless, endless, Buffer.from('\n'), Buffer.from(stream)])).toEqual(whole)
})

test('whatever passes is no reason to throw', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array()),
      fc.constantFrom('text/event-stream', 'application/json', ''),
      (chunks, type) => {
        expect(read(chunks, type).complete).toBe(false)
      },
    ),
  )
})
