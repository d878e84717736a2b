import fc from 'fast-check'
import stringWidth from 'string-width'
import { describe, expect, it } from 'vitest'
import { renderTable, wrap } from './table.ts'

describe('renderTable', () => {
  it('aligns columns, numbers to the right, and wraps the flexible one', () => {
    const lines = renderTable(
      [{ title: 'id' }, { title: 'hours', align: 'right' }, { title: 'title', flexible: true }],
      [
        ['TSK-1', '2', 'Store the short link under a key that nobody can guess'],
        ['TSK-10', '1.5', 'Docs'],
      ],
      { width: 40 },
    )
    expect(lines).toEqual([
      'id      hours  title',
      '──────  ─────  ─────────────────────────',
      'TSK-1       2  Store the short link',
      '               under a key that nobody',
      '               can guess',
      'TSK-10    1.5  Docs',
    ])
  })

  it('counts cells, not characters', () => {
    const lines = renderTable([{ title: 'a' }, { title: 'b' }], [['日本', 'x']], { width: 80 })
    expect(lines[2]).toBe('日本  x')
    expect(lines[0]).toBe('a     b')
  })
})

describe('wrap', () => {
  it('keeps every word and never passes the width', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z ]{0,200}$/), fc.integer({ min: 1, max: 40 }), (text, width) => {
        const lines = wrap(text, width)
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''))
        for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(width)
      }),
    )
  })
})
