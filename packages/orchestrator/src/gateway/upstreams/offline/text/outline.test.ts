import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sentencesOf } from './inline.ts'
import { readOutline } from './outline.ts'
import { roleOf } from './section-roles.ts'

const texts = (markdown: string) =>
  readOutline(markdown).sections.map(({ title, items }) => [title, items.map(({ text }) => text)])

describe('outline', () => {
  test('reads headings of every kind, bullets, numbers and prose', () => {
    const markdown = [
      '---\nowner: me\n---',
      '# Shop',
      'A shop. It sells.',
      '## Cart',
      '- one **bold** item',
      '  that goes on',
      '* [x] two with `code * here`',
      '1) three',
      '',
      'Orders',
      '------',
      '<!-- - hidden -->',
      '**Limits**',
      '> - quoted',
    ].join('\n')
    expect(readOutline(markdown).title).toBe('Shop')
    expect(texts(markdown)).toEqual([
      ['', ['A shop.', 'It sells.']],
      ['Cart', ['one bold item that goes on', 'two with `code * here`', 'three']],
      ['Orders', []],
      ['Limits', ['quoted']],
    ])
  })

  test('nests lists below entries and below the line that announces them', () => {
    const [section] = readOutline('The service must:\n\n- store links\n  - for ever\n- count visits\n').sections
    expect(section?.items).toEqual([
      {
        kind: 'sentence',
        text: 'The service must:',
        children: [
          { kind: 'bullet', text: 'store links', children: [{ kind: 'bullet', text: 'for ever', children: [] }] },
          { kind: 'bullet', text: 'count visits', children: [] },
        ],
      },
    ])
  })

  test('keeps tables and code apart from what is said', () => {
    const [section] = readOutline(
      '## Data\n| field | type |\n|---|---|\n| id | text |\n\n```\n- no bullet\n```\n',
    ).sections
    expect(section).toMatchObject({
      items: [],
      tables: [{ header: ['field', 'type'], rows: [['id', 'text']] }],
      code: ['- no bullet'],
    })
  })

  test('a section has the role of the nearest title that tells one', () => {
    const roles = readOutline('# T\n## Out of scope\n### Accounts\n- a\n## Accounts\n- b\n## Data\n## Why\n')
    expect(roles.sections.map(roleOf)).toEqual(['out-of-scope', 'out-of-scope', 'requirements', 'data', 'background'])
  })

  test('no text throws, and no word of a plain bullet is lost', () => {
    const piece = fc.constantFrom(
      '# a',
      '- b',
      '  - c',
      '',
      '```',
      '| d |',
      '---',
      'e',
      '**f**',
      '1. g',
      '> h',
      '\t- i',
      '<!--',
    )
    fc.assert(
      fc.property(fc.array(piece), (lines) => {
        const { sections } = readOutline(lines.join('\n'))
        for (const { items } of sections) for (const { text } of items) expect(text).toBe(text.trim())
      }),
    )
    const words = fc.array(fc.constantFrom('alpha', 'beta', 'gamma'), { minLength: 1 }).map((list) => list.join(' '))
    fc.assert(
      fc.property(fc.array(words, { minLength: 1 }), (bullets) => {
        const { sections } = readOutline(bullets.map((bullet) => `- ${bullet}`).join('\n'))
        expect(sections.flatMap(({ items }) => items.map(({ text }) => text))).toEqual(bullets)
      }),
    )
  })

  test('a long hostile text is read in no time', () => {
    for (const hostile of [
      '**'.repeat(50_000),
      '`'.repeat(100_000),
      '- '.repeat(50_000),
      '<'.repeat(100_000),
      '| '.repeat(50_000),
    ]) {
      const started = performance.now()
      readOutline(hostile)
      expect(performance.now() - started).toBeLessThan(2_000)
    }
  })
})

test('sentences end neither in code nor behind abbreviations and figures', () => {
  expect(sentencesOf('Use v1.2 e.g. Node. See `a. B` first. 10 ms. Done!')).toEqual([
    'Use v1.2 e.g. Node.',
    'See `a. B` first.',
    '10 ms.',
    'Done!',
  ])
})
