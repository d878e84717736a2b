import { Duplex } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Conversation } from './conversation.ts'

const never = new AbortController().signal

/** As an engine frames what a container writes. */
function framed(text: string): Buffer {
  const header = Buffer.alloc(8)
  header[0] = 1
  header.writeUInt32BE(Buffer.byteLength(text), 4)
  return Buffer.concat([header, Buffer.from(text)])
}

function attached() {
  let told = ''
  const stream = new Duplex({
    read() {},
    write(chunk, _, done) {
      told += String(chunk)
      done()
    },
  })
  return { stream, conversation: new Conversation(stream), told: () => told }
}

test('hears lines however their frames are cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }), async (sizes) => {
      const { stream, conversation } = attached()
      const bytes = Buffer.concat([framed('wai'), framed('ting\ntak'), framed('en\n')])
      let rest = bytes
      for (const size of [...sizes, bytes.length]) {
        if (rest.length > 0) stream.push(rest.subarray(0, size))
        rest = rest.subarray(size)
      }
      await conversation.hear('waiting', never)
      await conversation.hear('taken', never)
    }),
  )
})

test('loses no line that comes right behind another', async () => {
  const { stream, conversation } = attached()
  const first = conversation.hear('waiting', never)
  stream.push(framed('waiting\n'))
  stream.push(framed('taken\n'))
  await first
  await conversation.hear('taken', never)
})

test('fails at another word, at the end, and when it is called off', async () => {
  const { stream, conversation } = attached()
  stream.push(framed('nonsense\n'))
  await expect(conversation.hear('waiting', never)).rejects.toThrow('something else')
  await expect(conversation.hear('waiting', AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
  const heard = conversation.hear('waiting', never)
  stream.push(null)
  await expect(heard).rejects.toThrow('ended')
  await conversation.ended
})

test('tells one text and ends the input behind it', async () => {
  const { stream, conversation, told } = attached()
  const finished = new Promise((resolve) => stream.once('finish', resolve))
  conversation.tell('{}\n')
  await finished
  expect(told()).toBe('{}\n')
})

test('listens to no line without end', async () => {
  const { stream, conversation } = attached()
  for (let n = 0; n < 8; n++) stream.push(framed('x'.repeat(1024)))
  await expect(conversation.hear('waiting', never)).rejects.toThrow('ended')
})
