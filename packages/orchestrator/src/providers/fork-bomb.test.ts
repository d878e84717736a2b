import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isForkBomb, LOOKS_UNTIL_BOMB, type ProcessCount, suspect, UNSUSPECTED } from './fork-bomb.ts'

const most = 100
const isBomb = (looks: readonly Omit<ProcessCount, 'most'>[]) =>
  isForkBomb(looks.reduce((so, look) => suspect(so, { ...look, most }), UNSUSPECTED))
const same = (look: Omit<ProcessCount, 'most'>, times = LOOKS_UNTIL_BOMB) => Array.from({ length: times }, () => look)

describe('a fork bomb', () => {
  it('is what holds all processes and does not let go, refused again or not', () => {
    expect(isBomb(same({ refused: 1, current: 100 }))).toBe(true)
    expect(isBomb(same({ refused: 900, current: 91 }))).toBe(true)
  })

  it('is what dies and is born again at the limit', () => {
    expect(isBomb([1, 2, 3].map((second) => ({ refused: second * 5_000, current: 20 })))).toBe(true)
  })

  it('is not a build that asks for too many and gives up, nor one that was refused long ago', () => {
    expect(isBomb(same({ refused: 40, current: 30 }, 100))).toBe(false)
    expect(isBomb([...same({ refused: 40, current: 100 }, LOOKS_UNTIL_BOMB - 1), { refused: 60, current: 12 }])).toBe(
      false,
    )
  })

  it('is never what was refused nothing, however much it holds', () => {
    const looks = fc.array(fc.record({ refused: fc.constant(0), current: fc.integer({ min: 0, max: most }) }))
    fc.assert(fc.property(looks, (seen) => !isBomb(seen)))
  })

  it('is seen by whoever begins to look when it has long exploded', () => {
    expect(isBomb(same({ refused: 70_000, current: 100 }))).toBe(true)
  })
})
