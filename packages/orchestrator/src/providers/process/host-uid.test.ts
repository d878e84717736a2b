import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sandboxUids, uidOf } from './host-uid.ts'

describe('user ids of sandboxes', () => {
  it('are far from everybody where root has them all', () => {
    expect(sandboxUids('         0          0 4294967295\n')).toEqual({ first: 0x6000_0000, count: 0x1000_0000 })
  })

  it('are taken from what a rootless container has', () => {
    expect(sandboxUids('0 1000 1\n1 100000 65536\n')).toEqual({ first: 40_000, count: 20_000 })
  })

  it('are refused where there is no room', () => {
    expect(sandboxUids('0 1000 1\n')).toBeUndefined()
    expect(sandboxUids('')).toBeUndefined()
  })

  it('are always the same for a sandbox, and within the range', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), fc.integer({ min: 1, max: 0x1000_0000 }), (folder, first, count) => {
        const uid = uidOf({ first, count }, folder)
        expect(uid).toBe(uidOf({ first, count }, folder))
        expect(uid).toBeGreaterThanOrEqual(first)
        expect(uid).toBeLessThan(first + count)
      }),
    )
  })
})
