import fc from 'fast-check'
import { expect, it } from 'vitest'
import { BEAT_EVERY_MS, untilNextBeatMs } from './control.ts'

const moments = fc.nat({ max: 1e12 })

it('lets all of a host beat at the same four moments of a second', () => {
  fc.assert(
    fc.property(moments, (hostMs) => {
      const until = untilNextBeatMs(hostMs)
      expect((hostMs + until) % 250).toBe(0)
      expect(Math.abs(until - BEAT_EVERY_MS)).toBeLessThanOrEqual(125)
    }),
  )
})

it('keeps to its moment though timers are late or early', () => {
  fc.assert(
    fc.property(
      moments,
      fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { maxLength: 50 }),
      (start, errors) => {
        const first = start + untilNextBeatMs(start)
        let at = first
        for (const error of errors) at = Math.round(at + error + untilNextBeatMs(at + error))
        expect(at).toBe(first + errors.length * BEAT_EVERY_MS)
      },
    ),
  )
})
