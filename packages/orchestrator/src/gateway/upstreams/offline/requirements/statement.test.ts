import { parseEars } from '@specfleet/shared'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { criteriaOf } from './criteria.ts'
import { earsOf } from './requirements.ts'
import { readStatement } from './statement.ts'

const ears = (sentence: string, name = 'Shortly') => earsOf(readStatement(sentence, name))

describe('a sentence becomes EARS', () => {
  test.each([
    // who must do it
    ['The service must store links.', 'THE SYSTEM SHALL store links.'],
    ['Shortly shall log every request', 'THE SYSTEM SHALL log every request.'],
    ['It should be able to export CSV', 'THE SYSTEM SHALL export CSV.'],
    ['The system must not keep passwords', 'THE SYSTEM SHALL NOT keep passwords.'],
    ['Users can delete their links', 'THE SYSTEM SHALL allow users to delete their links.'],
    ['A user may not edit the links of others', 'THE SYSTEM SHALL NOT allow a user to edit the links of others.'],
    ['Admins must sign in first', 'THE SYSTEM SHALL require admins to sign in first.'],
    ['Short codes must be unique', 'THE SYSTEM SHALL ensure that short codes are unique.'],
    ['Each code has to have 7 letters', 'THE SYSTEM SHALL ensure that each code has 7 letters.'],
    ['Reads must not block', 'THE SYSTEM SHALL ensure that reads do not block.'],
    [
      'Links that cannot be read must be dropped',
      'THE SYSTEM SHALL ensure that links that cannot be read are dropped.',
    ],
    ['There must be an audit log', 'THE SYSTEM SHALL provide an audit log.'],
    ['It must be possible for guests to search', 'THE SYSTEM SHALL allow guests to search.'],
    // when
    ['When a link is unknown, the service must answer 404.', 'WHEN a link is unknown, THE SYSTEM SHALL answer 404.'],
    ['If the disk is full, refuse uploads', 'IF the disk is full, THEN THE SYSTEM SHALL refuse uploads.'],
    ['While saving, reads must not be blocked', 'WHILE saving, THE SYSTEM SHALL ensure that reads are not blocked.'],
    ['Where export is licensed, the app must offer CSV', 'WHERE export is licensed, THE SYSTEM SHALL offer CSV.'],
    ['The service must answer 404 when the code is unknown', 'WHEN the code is unknown, THE SYSTEM SHALL answer 404.'],
    [
      'When the name is empty, too long or taken, the API must answer 400',
      'WHEN the name is empty, too long or taken, THE SYSTEM SHALL answer 400.',
    ],
    ['After 30 days, links must be removed', 'THE SYSTEM SHALL ensure that links are removed after 30 days.'],
    [
      'Given an expired link, when it is followed, then the service answers 410',
      'WHILE an expired link, WHEN it is followed, THE SYSTEM SHALL answer 410.',
    ],
    [
      'Return 404 when it is unknown and 410 when it has expired',
      'THE SYSTEM SHALL return 404 when it is unknown and 410 when it has expired.',
    ],
    // without a modal verb
    ['Validate the target of every link', 'THE SYSTEM SHALL validate the target of every link.'],
    ['Returns 404 for unknown codes', 'THE SYSTEM SHALL return 404 for unknown codes.'],
    ['Never log a token', 'THE SYSTEM SHALL NOT log a token.'],
    ['No personal data in logs', 'THE SYSTEM SHALL ensure that there is no personal data in logs.'],
    ['Support for dark mode', 'THE SYSTEM SHALL support dark mode.'],
    ['Custom aliases of 3 to 32 characters', 'THE SYSTEM SHALL support custom aliases of 3 to 32 characters.'],
    ['p95 latency below 50 ms', 'THE SYSTEM SHALL ensure that p95 latency is below 50 ms.'],
    ['A link without expiry never expires', 'THE SYSTEM SHALL ensure that a link without expiry never expires.'],
    ['As an editor, I want to extend a link so that it lives on', 'THE SYSTEM SHALL allow an editor to extend a link.'],
    ['Pages load in under 2 seconds', 'THE SYSTEM SHALL ensure that pages load in under 2 seconds.'],
    [
      'Runs outlive the process that made them',
      'THE SYSTEM SHALL ensure that runs outlive the process that made them.',
    ],
    // already EARS
    ['WHEN asked, THE SYSTEM SHALL answer.', 'WHEN asked, THE SYSTEM SHALL answer.'],
    ['FR-12: The system shall answer', 'THE SYSTEM SHALL answer.'],
  ])('%s', (sentence, expected) => {
    expect(ears(sentence)).toBe(expected)
  })

  test('how binding it is follows from its verb', () => {
    const strength = (sentence: string) => readStatement(sentence).strength
    expect(strength('Codes must be unique')).toBe('must')
    expect(strength('Codes should be short')).toBe('should')
    expect(strength('The service may cache redirects')).toBe('may')
    expect(strength('Codes may not repeat')).toBe('must')
    expect(strength('Users can sort links')).toBe('should')
  })
})

const subject = fc.constantFrom(
  'The service',
  'Users',
  'An admin',
  'Links',
  'Each code',
  'It',
  'No token',
  'Nobody',
  '',
)
const modal = fc.constantFrom('must', 'should', 'may not', 'can', 'cannot', 'has to', 'shall never', 'will', '')
const verb = fc.constantFrom('store', 'be shown with', 'delete', 'not be', 'export', 'have', 'reject', 'if', 'when')
const object = fc.constantFrom(
  'short links',
  'a `code` of visitors',
  'the "name", sorted',
  '30 stored rows',
  'data (if any) of visitors',
  'its rows when asked, then more',
)
const lead = fc.constantFrom(
  '',
  'When a visit ends, ',
  'If it fails, ',
  'While idle, ',
  'After a day, ',
  'if if, ',
  'When, ',
)
const sentence = fc
  .tuple(lead, subject, modal, verb, object)
  .map(([first, ...rest]) => first + rest.filter(Boolean).join(' '))

test('whatever is said, the result is EARS with two criteria, and the same every time', () => {
  fc.assert(
    fc.property(sentence, (text) => {
      const statement = readStatement(text, 'Shop')
      expect(parseEars(earsOf(statement))).toMatchObject({ ok: true })
      expect(criteriaOf(statement, []).length).toBeGreaterThanOrEqual(2)
      expect(readStatement(text, 'Shop')).toEqual(statement)
    }),
    { numRuns: 2_000 },
  )
  fc.assert(
    fc.property(fc.string(), (text) => {
      if (/[\p{L}\p{N}]/u.test(text)) expect(parseEars(earsOf(readStatement(text)))).toMatchObject({ ok: true })
    }),
    { numRuns: 1_000 },
  )
})

describe('criteria', () => {
  const criteria = (text: string) => criteriaOf(readStatement(text), [])

  test('name the edges of figures, the status and the opposite', () => {
    expect(criteria('If a name is longer than 40 characters, the service must answer 400')).toEqual([
      'If a name is longer than 40 characters, the system answers 400.',
      'The observed HTTP status is 400.',
      'Unless a name is longer than 40 characters, the system does not answer 400.',
    ])
    expect(criteria('The service must allow at most 30 links per minute')).toContain(
      'The edge is tested: exactly 30 links still conforms, anything above does not.',
    )
    expect(criteria('Names must have 3 to 32 characters')).toContain(
      'Both edges are tested: 3 and 32 characters conform, one step outside does not.',
    )
    expect(criteria('The store must never lose a link')).toContain(
      'A test fails if the following is observed: the store loses a link.',
    )
  })
})
