import fc from 'fast-check'
import { expect, test } from 'vitest'
import { frameCutter, type Piece } from './frames.ts'

const word = fc.stringMatching(/^[a-z]{1,12}$/)
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom('PUB a 0\r\n\r\n', 'PING\r\n', '\r\n').map((text) => Buffer.from(text)),
)
const frame = fc.oneof(
  fc.constantFrom('PING\r\n', 'PONG\r\n', '+OK\r\n', 'CONNECT {"name":"a"}\r\n').map((line) => Buffer.from(line)),
  fc
    .tuple(word, payload)
    .map(([subject, bytes]) =>
      Buffer.concat([Buffer.from(`PUB ${subject} ${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]),
    ),
)
const steps = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 6 })

function cut(bytes: Buffer, by: readonly number[], mostFrameBytes?: number): Piece[] {
  const cutter = frameCutter(mostFrameBytes)
  const pieces: Piece[] = []
  let at = 0
  for (let turn = 0; at < bytes.length; turn++) {
    const step = by[turn % by.length] ?? 1
    pieces.push(...cutter.take(Buffer.from(bytes.subarray(at, at + step))))
    at += step
  }
  return pieces
}

const joined = (pieces: readonly Piece[]): Buffer => Buffer.concat(pieces.map(({ bytes }) => bytes))

test('however the bytes are cut, each frame comes out whole', () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 15 }), steps, (frames, by) => {
      const pieces = cut(Buffer.concat(frames), by)
      expect(pieces.map(({ bytes }) => bytes.toString('hex'))).toEqual(frames.map((each) => each.toString('hex')))
      expect(pieces.every((piece) => piece.frame !== undefined)).toBe(true)
    }),
  )
})

test('a frame too large to be held goes by as it comes, and those behind it come whole', () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), fc.integer({ min: 0, max: 8 }), steps, (frames, where, by) => {
      const large = Buffer.concat([Buffer.from('PUB large 5000\r\n'), Buffer.alloc(5_000, 'x'), Buffer.from('\r\n')])
      const sent = frames.toSpliced(where, 0, large)
      const pieces = cut(Buffer.concat(sent), by, 1_000)
      expect(joined(pieces).equals(Buffer.concat(sent))).toBe(true)
      const whole = pieces.filter((piece) => piece.frame !== undefined).map(({ bytes }) => bytes.toString('hex'))
      expect(whole).toEqual(frames.map((each) => each.toString('hex')))
    }),
  )
})

test('what is not the protocol goes by unchanged', () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 5 }), fc.uint8Array({ maxLength: 400 }), steps, (frames, noise, by) => {
      const sent = Buffer.concat([...frames, Buffer.from('GET / HTTP/1.1\r\n'), noise])
      const pieces = cut(sent, by)
      expect(joined(pieces).equals(sent)).toBe(true)
    }),
  )
})
