import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MessageId } from '../../contract/ids.ts'
import {
  AnswerHead,
  decodeCredit,
  decodeFrame,
  decodeHead,
  encodeCredit,
  encodeFrame,
  encodeHead,
  type FrameKind,
  OpenHead,
} from './frames.ts'

const kind = fc.constantFrom<FrameKind>('open', 'head', 'data', 'end', 'credit', 'cancel', 'ping')
const bytes = fc.uint8Array({ maxLength: 100 })

test('a frame is read back as it was written', () => {
  fc.assert(
    fc.property(kind, fc.nat(0xffff_ffff), bytes, (of, seq, payload) => {
      const frame = decodeFrame(encodeFrame({ kind: of, seq, payload }))
      expect(frame).toEqual({ kind: of, seq, payload: expect.anything() })
      expect(Buffer.from(frame?.payload ?? [])).toEqual(Buffer.from(payload))
    }),
  )
})

test('heads carry their JSON and what follows it', () => {
  const open = { v: 1 as const, call: MessageId.parse('c1'), windowBytes: 9, idleMs: 5, meta: { a: 'ü' }, end: false }
  const read = decodeHead(encodeHead(open, Uint8Array.of(7, 8)), OpenHead)
  expect(read?.head).toEqual(open)
  expect([...(read?.body ?? [])]).toEqual([7, 8])
})

test('credit is read back, and nothing else is credit', () => {
  expect(decodeCredit(encodeCredit(123_456))).toBe(123_456)
  expect(decodeCredit(encodeCredit(2 ** 40))).toBe(0xffff_ffff)
  expect(decodeCredit(new Uint8Array(3))).toBeUndefined()
})

test('rubbish of any kind is refused without throwing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (rubbish) => {
      const frame = decodeFrame(rubbish)
      const known = rubbish.length >= 5 && (rubbish[0] ?? 0) >= 1 && (rubbish[0] ?? 0) <= 7
      expect(frame !== undefined).toBe(known)
      decodeHead(rubbish, AnswerHead)
      decodeCredit(rubbish)
    }),
    { numRuns: 10_000 },
  )
  fc.assert(
    fc.property(fc.json(), fc.nat(10), (json, cut) => {
      const head = Buffer.from(json)
      const length = Buffer.alloc(4)
      length.writeUInt32BE(Math.max(0, head.length - cut))
      decodeHead(Buffer.concat([length, head]), OpenHead)
    }),
    { numRuns: 2_000 },
  )
})
