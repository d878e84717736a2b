import fc from 'fast-check'
import { expect, test } from 'vitest'
import { textOf } from './output.ts'

const frame = (stream: 1 | 2, text: string): Buffer => {
  const payload = Buffer.from(text)
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0])
  header.writeUInt32BE(payload.length, 4)
  return Buffer.concat([header, payload])
}

test('the text of all frames is what was written, however it was cut, and half a frame does no harm', () => {
  const written = fc.array(fc.tuple(fc.constantFrom(1 as const, 2 as const), fc.string()))
  fc.assert(
    fc.property(written, fc.nat(7), (frames, cut) => {
      const whole = Buffer.concat(frames.map(([stream, text]) => frame(stream, text)))
      expect(textOf(whole)).toBe(frames.map(([, text]) => text).join(''))
      expect(() => textOf(whole.subarray(0, Math.max(0, whole.length - cut)))).not.toThrow()
    }),
  )
})
