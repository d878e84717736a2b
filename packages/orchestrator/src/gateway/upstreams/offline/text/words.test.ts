import { describe, expect, test } from 'vitest'
import { baseForm, camelCase, clip, identifierWords, isPlural, opensWithVerb, singular, thirdPerson } from './words.ts'

describe('words', () => {
  test.each([
    ['store', 'stores'],
    ['pass', 'passes'],
    ['retry', 'retries'],
    ['play', 'plays'],
    ['have', 'has'],
  ])('%s and %s are one verb', (base, third) => {
    expect([thirdPerson(base), baseForm(third)]).toEqual([third, base])
  })

  test.each([
    ['entries', 'entry'],
    ['aliases', 'alias'],
    ['alias', 'alias'],
    ['links', 'link'],
    ['status', 'status'],
    ['address', 'address'],
  ])('one of %s is %s', (many, one) => {
    expect(singular(many)).toBe(one)
  })

  test('a command opens with a verb, a noun phrase does not', () => {
    expect(['Store links', 'Re-open tickets', 'Validate'].map(opensWithVerb)).toEqual([true, true, true])
    expect(['Report generation', 'Custom aliases', 'End-to-end tests'].map(opensWithVerb)).toEqual([
      false,
      false,
      false,
    ])
  })

  test('plurals are told by their head', () => {
    expect(['links of a user', 'codes (`a`, `b`)', 'link and code'].map(isPlural)).toEqual([true, true, true])
    expect(['a user of links', 'each code', 'status'].map(isPlural)).toEqual([false, false, false])
  })

  test('identifiers are made of any text', () => {
    expect(camelCase(identifierWords("parseHTTPHeader's Résumé 2"))).toBe('parseHttpHeadersResume2')
  })

  test('a clipped text ends with a word', () => {
    expect(clip('one two three', 9)).toBe('one two…')
    expect(clip('short', 9)).toBe('short')
  })
})
