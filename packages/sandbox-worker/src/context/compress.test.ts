import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compress } from './compress.ts'
import { estimateTokens } from './tokens.ts'

const requirements = (count: number) => ({
  v: 1,
  requirements: Array.from({ length: count }, (_, at) => ({
    id: `REQ-${String(at + 1).padStart(3, '0')}`,
    text: `WHEN a user does thing ${at}, THE SYSTEM SHALL answer. ${'It is long. '.repeat(100)}`,
    notes: '',
  })),
})

describe('compress', () => {
  it('leaves alone what fits', () => {
    expect(compress({ a: 1 }, 100)).toEqual({ json: '{"a":1}', compressed: false })
  })

  it('cuts texts before it cuts ids', () => {
    const { json, compressed } = compress(requirements(40), 4_000)
    expect(compressed).toBe(true)
    const kept: { requirements: { id: string; text: string }[] } = JSON.parse(json)
    expect(kept.requirements.map(({ id }) => id)).toEqual(requirements(40).requirements.map(({ id }) => id))
    expect(kept.requirements[0]?.text).toMatch(/^WHEN a user does thing 0.*…$/)
  })

  it('says how much of a list is missing', () => {
    expect(compress(requirements(500), 1_000).json).toContain('… and ')
  })

  it('always gives JSON, and within any budget that holds the outline', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 8 }),
        fc.integer({ min: 1, max: 400 }),
        (value, tokens) => {
          const { json } = compress(value, tokens)
          expect(() => JSON.parse(json)).not.toThrow()
          const outline = estimateTokens(compress(value, 0).json)
          expect(estimateTokens(json)).toBeLessThanOrEqual(Math.max(tokens, outline))
        },
      ),
    )
  })
})
