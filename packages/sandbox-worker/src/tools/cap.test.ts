import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { capContent, capText, sizeOf } from './cap.ts'

describe('capText', () => {
  it('keeps what fits as it is', () => {
    expect(capText('abc', 3)).toBe('abc')
  })

  it('keeps both ends of what does not, and says how much is missing', () => {
    const text = `${'a'.repeat(500)}${'b'.repeat(500)}`
    const capped = capText(text, 300)
    expect(capped).toMatch(/^a+\n\[… \d+ characters left out here.*\]\nb+$/s)
    const kept = capped.replace(/\n\[.*\]\n/s, '').length
    expect(capped).toContain(`${1000 - kept} characters`)
  })

  it('never grows a text over the limit', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2_000 }), fc.integer({ min: 200, max: 1_500 }), (text, most) => {
        expect(capText(text, most).length).toBeLessThanOrEqual(Math.max(most, 0))
      }),
    )
  })
})

describe('capContent', () => {
  it('lets text blocks share the room and leaves the others alone', () => {
    const image = {
      type: 'image' as const,
      source: { type: 'base64' as const, media_type: 'image/png' as const, data: 'AA==' },
    }
    const capped = capContent(
      [{ type: 'text', text: 'x'.repeat(400) }, image, { type: 'text', text: 'y'.repeat(400) }],
      500,
    )
    expect(capped[0]).toMatchObject({ text: 'x'.repeat(400) })
    expect(capped[1]).toBe(image)
    expect(capped[2]).toMatchObject({ text: expect.stringContaining('left out') })
    expect(sizeOf(capped)).toBeLessThan(600)
  })
})
