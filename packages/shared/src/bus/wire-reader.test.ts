import fc from 'fast-check'
import { expect, test } from 'vitest'
import { followWire, type WireFrame, type WireVerb } from './wire-reader.ts'

type Sent = { readonly verb: WireVerb; readonly args: string; readonly payload: Uint8Array | undefined }

const word = fc.stringMatching(/^[A-Za-z0-9_.$>*-]{1,30}$/)
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  // Payloads that look like the protocol are payloads.
  fc.constantFrom('PUB a 0\r\n', "-ERR 'no'\r\nPING\r\n", '\r\n\r\n').map((text) => Buffer.from(text)),
)
const spoken: fc.Arbitrary<Sent> = fc.oneof(
  fc.record({ verb: fc.constantFrom('PING', 'PONG', '+OK'), args: fc.constant(''), payload: fc.constant(undefined) }),
  fc.record({
    verb: fc.constantFrom('INFO', 'CONNECT'),
    args: fc.dictionary(word, word).map((each) => JSON.stringify(each)),
    payload: fc.constant(undefined),
  }),
  fc.record({ verb: fc.constantFrom('SUB', 'UNSUB'), args: word, payload: fc.constant(undefined) }),
  fc.record({
    verb: fc.constant('-ERR'),
    args: word.map((subject) => `'Permissions Violation for Publish to "${subject}"'`),
    payload: fc.constant(undefined),
  }),
  fc
    .tuple(fc.constantFrom('PUB', 'HPUB', 'MSG', 'HMSG'), fc.array(word, { minLength: 1, maxLength: 3 }), payload)
    .map(([verb, words, bytes]) => ({ verb, args: [...words, bytes.length].join(' '), payload: bytes })),
)

const bytesOf = ({ verb, args, payload }: Sent): Buffer =>
  Buffer.concat([
    Buffer.from(args === '' ? `${verb}\r\n` : `${verb} ${args}\r\n`),
    ...(payload === undefined ? [] : [payload, Buffer.from('\r\n')]),
  ])

/** Cuts bytes at the given steps, over and over. */
function* cut(bytes: Buffer, steps: readonly number[]): Generator<Buffer> {
  let at = 0
  for (let turn = 0; at < bytes.length; turn++) {
    const step = steps[turn % steps.length] ?? 1
    yield bytes.subarray(at, at + step)
    at += step
  }
}

const steps = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 })

test('the same frames are read however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(spoken, { maxLength: 20 }), steps, (sent, by) => {
      const read: WireFrame[] = []
      const reader = followWire({ onFrame: (frame) => read.push(frame) })
      const bytes = Buffer.concat(sent.map(bytesOf))
      for (const chunk of cut(bytes, by)) {
        // One buffer for all chunks, as a socket that reads into its own does.
        const reused = Buffer.from(chunk)
        reader.take(reused)
        reused.fill(0)
        const last = read.at(-1)
        const begun = reader.offset - reader.heldBytes
        expect(begun).toBeGreaterThanOrEqual(last === undefined ? 0 : last.at + last.lineBytes)
        expect(reader.between).toBe(reader.heldBytes === 0 && begun === (last?.end ?? 0))
      }
      let at = 0
      const expected = sent.map((each) => {
        const start = at
        at += bytesOf(each).length
        return { verb: each.verb, args: each.args, at: start, payloadBytes: each.payload?.length ?? 0, end: at }
      })
      expect(read).toMatchObject(expected)
      expect(read).toHaveLength(expected.length)
      expect(reader.offset).toBe(bytes.length)
      expect(reader.lost).toBeUndefined()
    }),
  )
})

test('a frame is told before its payload has come', () => {
  const read: WireFrame[] = []
  const reader = followWire({ onFrame: (frame) => read.push(frame) })
  reader.take(Buffer.from('PUB sf.log.a 1000000\r\n'))
  expect(read).toMatchObject([{ verb: 'PUB', args: 'sf.log.a 1000000', lineBytes: 22, end: 1_000_024 }])
})

test('what servers let pass is read too: lower case, tabs, a bare line feed', () => {
  const read: WireFrame[] = []
  const reader = followWire({ onFrame: (frame) => read.push(frame) })
  reader.take(Buffer.from('pub\ta.b\t_INBOX.1 2\nok\r\nping \r\n'))
  expect(read).toMatchObject([
    { verb: 'PUB', args: 'a.b\t_INBOX.1 2', payloadBytes: 2 },
    { verb: 'PING', args: '' },
  ])
})

test.each([
  ['TLS', '\u0016\u0003\u0001\n'],
  ['a verb of no protocol', 'DELETE everything\r\n'],
  ['a publish without a length', 'PUB subject\r\n'],
  ['a negative length', 'PUB subject -1\r\n'],
  ['a length that no server reads', 'PUB subject 1234567890\r\n'],
  ['an empty line', '\r\n'],
])('%s ends the following for good', (_what, bytes) => {
  const read: WireFrame[] = []
  const reader = followWire({ onFrame: (frame) => read.push(frame) })
  reader.take(Buffer.from(`PING\r\n${bytes}PING\r\n`))
  reader.take(Buffer.from('PING\r\n'))
  expect(read).toHaveLength(1)
  expect(reader.lost).toBe('no line of the protocol')
})

test('a line without end is not kept', () => {
  const reader = followWire({ onFrame: () => {}, maxLineBytes: 100 })
  reader.take(Buffer.alloc(60, 'a'))
  expect(reader.lost).toBeUndefined()
  reader.take(Buffer.alloc(41, 'a'))
  expect(reader.lost).toBe('a line of more than 100 bytes')
})

test('any bytes at all are taken without a throw', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (chunks) => {
      const reader = followWire({ onFrame: () => {}, maxLineBytes: 64 })
      for (const chunk of chunks) reader.take(chunk)
      expect(reader.offset).toBe(chunks.reduce((sum, each) => sum + each.length, 0))
    }),
  )
})
