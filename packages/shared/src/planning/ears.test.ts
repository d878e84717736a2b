import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EARS_KEYWORDS, type EarsClause, type EarsRequirement, parseEars, renderEars } from './ears.ts'

const parsed = (text: string): EarsRequirement => {
  const result = parseEars(text)
  if (!result.ok) throw new Error(`${text}: ${JSON.stringify(result.faults)}`)
  return result.requirement
}

/** The faults with the piece of text that each points at. */
const faultsOf = (text: string): [string, string][] => {
  const result = parseEars(text)
  return result.ok
    ? []
    : result.faults.map(({ reason, offset, length }) => [reason, text.slice(offset, offset + length)])
}

describe('patterns', () => {
  test.each([
    ['ubiquitous', 'THE SYSTEM SHALL log every request.'],
    ['event', 'WHEN a user signs in, THE SYSTEM SHALL create a session.'],
    ['state', 'WHILE the door is open, THE SYSTEM SHALL sound the alarm.'],
    ['unwanted', 'IF the token is expired, THEN THE SYSTEM SHALL answer 401.'],
    ['optional', 'WHERE export is licensed, THE SYSTEM SHALL offer CSV.'],
    ['complex', 'WHILE signed in, WHEN the user asks, THE SYSTEM SHALL show the page.'],
    ['complex', 'WHERE audit is on, WHEN a row changes, THE SYSTEM SHALL keep the old one.'],
    ['complex', 'WHILE idle, IF the disk is full, THEN THE SYSTEM SHALL refuse uploads.'],
  ])('%s: %s', (pattern, text) => {
    const requirement = parsed(text)
    expect(requirement.pattern).toBe(pattern)
    expect(renderEars(requirement)).toBe(text)
  })

  test('letter case and missing commas do not matter', () => {
    expect(parsed('when the user clicks the button the system shall save')).toEqual({
      pattern: 'event',
      clauses: [{ keyword: 'WHEN', text: 'the user clicks the button' }],
      system: 'SYSTEM',
      response: 'save',
    })
    expect(parsed('WHILE idle WHEN asked THE SYSTEM SHALL answer').clauses).toEqual([
      { keyword: 'WHILE', text: 'idle' },
      { keyword: 'WHEN', text: 'asked' },
    ])
  })

  test('a keyword inside a clause stays there', () => {
    expect(parsed('WHEN the moment when it ends is known, THE SYSTEM SHALL stop').clauses).toEqual([
      { keyword: 'WHEN', text: 'the moment when it ends is known' },
    ])
  })

  test('a clause may hold commas, "the" and even "shall"', () => {
    const requirement = parsed('WHEN a mail, which shall be sent by the clerk, arrives, THE SYSTEM SHALL file it')
    expect(requirement.clauses).toEqual([
      { keyword: 'WHEN', text: 'a mail, which shall be sent by the clerk, arrives' },
    ])
  })

  test('the system may have a name', () => {
    expect(parsed('IF the card is refused, then the payment service of the shop shall retry').system).toBe(
      'payment service of the shop',
    )
  })
})

describe('faults', () => {
  test.each([
    ['', [["'SHALL' is missing", '']]],
    ['The system logs', [["'SHALL' is missing", '']]],
    ['The system must log', [["'SHALL' is missing: 'must' stands in its place", 'must']]],
    ['WHEN , THE SYSTEM SHALL log', [['trigger is empty', 'WHEN']]],
    ['WHILE, THE SYSTEM SHALL log', [['state is empty', 'WHILE']]],
    ['WHERE THE SYSTEM SHALL log', [['feature is empty', 'WHERE']]],
    ['IF , THEN THE SYSTEM SHALL log', [['condition is empty', 'IF']]],
    ['IF it fails, THE SYSTEM SHALL log', [['IF without THEN right before THE', 'IF']]],
    ['WHEN it fails, THEN THE SYSTEM SHALL log', [['THEN without IF', 'THEN']]],
    ['THE SYSTEM SHALL .', [['response is empty', 'SHALL']]],
    ['THE SYSTEM SHALL NOT', [['response is empty', 'SHALL']]],
    ['WHEN it fails, system SHALL log', [["'THE <system>' is missing before SHALL", '']]],
    ['WHEN it fails, THE SHALL log', [['name of the system is empty', 'THE']]],
    ['Usually, THE SYSTEM SHALL log', [['begins with none of THE, WHEN, WHILE, IF, WHERE', 'Usually,']]],
    ['WHEN a, WHEN b, THE SYSTEM SHALL c', [['a second WHEN: write one requirement for each trigger', 'WHEN']]],
    [
      'IF , THE SYSTEM SHALL',
      [
        ['condition is empty', 'IF'],
        ['IF without THEN right before THE', 'IF'],
        ['response is empty', 'SHALL'],
      ],
    ],
  ])('%s', (text, faults) => {
    expect(faultsOf(text)).toEqual(faults)
  })
})

const word = fc.constantFrom(
  'user',
  'the',
  'door',
  'of',
  'opens',
  'A1',
  '"x"',
  'data,',
  'until',
  'état',
  '(now)',
  'the, 5',
)
const plain = fc.constantFrom('user', 'door', 'opens', 'A1', '5', 'état')
const phrase = fc.tuple(plain, fc.array(word, { maxLength: 5 }), plain).map(([a, more, b]) => [a, ...more, b].join(' '))
const system = fc.oneof(
  fc.constant('SYSTEM'),
  fc
    .array(fc.constantFrom('payment', 'service', 'of', 'the', 'shop'), { maxLength: 3 })
    .map((w) => ['mail', ...w].join(' ')),
)
const clauses: fc.Arbitrary<EarsClause[]> = fc.uniqueArray(
  fc.record({ keyword: fc.constantFrom(...EARS_KEYWORDS), text: phrase }),
  { selector: ({ keyword }) => keyword, maxLength: 4 },
)

describe('properties', () => {
  test('what is rendered parses back to itself', () => {
    fc.assert(
      fc.property(clauses, system, phrase, (clauseList, name, response) => {
        const requirement = { clauses: clauseList, system: name, response }
        expect(parsed(renderEars({ pattern: 'complex', ...requirement }))).toMatchObject(requirement)
      }),
      { numRuns: 500 },
    )
  })

  test('no text throws, and faults lie inside the text', () => {
    const shards = fc.constantFrom('WHEN', 'if', 'THEN', 'the', 'THE SYSTEM', 'SHALL', ',', ' ', '.', '\n', 'x', 'must')
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(shards).map((parts) => parts.join(' ')),
      fc.array(shards).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(text, (given) => {
        const result = parseEars(given)
        if (result.ok) {
          expect(result.requirement.response).toMatch(/[\p{L}\p{N}]/u)
          return
        }
        expect(result.faults.length).toBeGreaterThan(0)
        for (const { offset, length } of result.faults) {
          expect(offset).toBeGreaterThanOrEqual(0)
          expect(length).toBeGreaterThanOrEqual(0)
          expect(offset + length).toBeLessThanOrEqual(given.length)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('a long hostile text is parsed in no time', () => {
    for (const piece of ['the system ', 'WHEN ', ', ', 'the ', 'shall ', ' ', 'then ', ', if', ',', '.']) {
      const started = performance.now()
      parseEars(piece.repeat(50_000))
      parseEars(`WHEN x${piece.repeat(50_000)}x, THE SYSTEM SHALL x${piece.repeat(50_000)}x`)
      expect(performance.now() - started).toBeLessThan(1_000)
    }
  })
})
