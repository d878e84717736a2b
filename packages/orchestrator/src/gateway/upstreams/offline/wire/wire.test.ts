import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { eventsOf } from './events.ts'
import { messageOf } from './message.ts'
import { conversationFault, type Message, MessagesRequest } from './request.ts'

const request = (messages: unknown): MessagesRequest => MessagesRequest.parse({ model: 'm', max_tokens: 100, messages })
const opening: Message = { role: 'user', content: 'Go' }
const call = { type: 'tool_use', id: 'a', name: 'bash', input: {} }
const result = { type: 'tool_result', tool_use_id: 'a', content: 'ok' }

describe('a conversation', () => {
  test.each([
    ['begins with the user', [{ role: 'assistant', content: 'x' }], /first message/],
    ['ends with the user', [opening, { role: 'assistant', content: 'x' }], /last message/],
    ['answers every call', [opening, { role: 'assistant', content: [call] }, opening], /without `tool_result`.*: a/],
    ['answers nothing else', [opening, { role: 'user', content: [result] }], /unexpected `tool_use_id`.*: a/],
  ])('%s', (_, messages, fault) => {
    expect(conversationFault(request(messages).messages)).toMatch(fault)
  })

  test('with its calls answered is in order', () => {
    const messages = [opening, { role: 'assistant', content: [call] }, { role: 'user', content: [result] }]
    expect(conversationFault(request(messages).messages)).toBeUndefined()
  })

  test('may hold blocks that are not read, but none that are malformed', () => {
    expect(() => request([{ role: 'user', content: [{ type: 'image', source: {} }] }])).not.toThrow()
    expect(() => request([{ role: 'user', content: [{ type: 'text' }] }])).toThrow()
    expect(() => request([{ role: 'user', content: [{ type: 'tool_result' }] }])).toThrow()
  })
})

test('the events of a message add up to it', () => {
  const reply = fc.record({
    text: fc.string({ unit: 'grapheme', maxLength: 2_000 }),
    calls: fc.array(
      fc.record({ name: fc.constantFrom('bash', 'read'), input: fc.dictionary(fc.string(), fc.jsonValue()) }),
    ),
  })
  fc.assert(
    fc.property(reply, (planned) => {
      const message = messageOf(planned, request([opening]), 1_000_000)
      const text = new Map<number, string>()
      for (const event of eventsOf(message)) {
        if (event.type !== 'content_block_delta') continue
        const { index, delta } = event
        if (typeof index !== 'number' || typeof delta !== 'object' || delta === null) throw new TypeError('no delta')
        const piece = 'text' in delta ? delta.text : 'partial_json' in delta ? delta.partial_json : ''
        text.set(index, (text.get(index) ?? '') + String(piece))
      }
      const told = message.content.map((block, index) =>
        block.type === 'text' ? text.get(index) : JSON.parse(text.get(index) ?? ''),
      )
      const written = message.content.map((block) => (block.type === 'text' ? block.text : block.input))
      expect(told).toEqual(JSON.parse(JSON.stringify(written)))
    }),
  )
})

test('what exceeds max_tokens is cut off, and said to be', () => {
  const long = { text: 'x'.repeat(4_000), calls: [{ name: 'bash', input: {} }] }
  const message = messageOf(long, request([opening]), 100)
  expect(message).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 100 } })
  expect(message.content).toEqual([{ type: 'text', text: 'x'.repeat(400), citations: null }])
})
