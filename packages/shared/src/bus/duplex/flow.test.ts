import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  clampWindow,
  FRAME_COST,
  frameCost,
  LEAST_WINDOW_BYTES,
  MOST_WINDOW_BYTES,
  ReceiveWindow,
  SendWindow,
  Sequence,
} from './flow.ts'

const steps = fc.array(
  fc.oneof(fc.record({ send: fc.integer({ min: 1, max: 200_000 }) }), fc.constant('read' as const)),
  { maxLength: 200 },
)

test('under any order of sending and reading, what is held stays within the window and nobody is stuck', () => {
  fc.assert(
    fc.property(fc.integer({ min: LEAST_WINDOW_BYTES, max: MOST_WINDOW_BYTES }), steps, (size, script) => {
      const sender = new SendWindow()
      const receiver = new ReceiveWindow(size)
      sender.grant(size)
      const held: number[] = []
      const read = (): void => {
        const bytes = held.shift()
        if (bytes !== undefined) sender.grant(receiver.read(bytes))
      }
      for (const step of script) {
        if (step === 'read') read()
        else {
          const bytes = sender.take(step.send)
          if (bytes > 0) {
            expect(receiver.receive(bytes)).toBe(true)
            held.push(bytes)
          }
        }
        expect(held.reduce((sum, bytes) => sum + frameCost(bytes), 0)).toBeLessThanOrEqual(size)
      }
      while (held.length > 0) read()
      expect(sender.take(1)).toBe(1)
    }),
  )
})

test('a sender who spends more than was granted is caught', () => {
  const receiver = new ReceiveWindow(LEAST_WINDOW_BYTES)
  expect(receiver.receive(LEAST_WINDOW_BYTES - FRAME_COST)).toBe(true)
  expect(receiver.receive(0)).toBe(false)
})

test('what a peer grants counts for no more than the most', () => {
  const sender = new SendWindow()
  for (let count = 0; count < 10; count += 1) sender.grant(0xffff_ffff)
  expect(sender.take(0xffff_ffff)).toBe(MOST_WINDOW_BYTES - FRAME_COST)
  expect(sender.take(1)).toBe(0)
  expect([clampWindow(1), clampWindow(1e15)]).toEqual([LEAST_WINDOW_BYTES, MOST_WINDOW_BYTES])
})

test('a lost, a repeated and a reordered frame are seen', () => {
  const after = (...seqs: number[]): boolean[] => {
    const sequence = new Sequence()
    return seqs.map((seq) => sequence.accept(seq))
  }
  expect(after(0, 1, 2)).toEqual([true, true, true])
  expect(after(0, 2)).toEqual([true, false])
  expect(after(0, 0)).toEqual([true, false])
  expect(after(1)).toEqual([false])
})
