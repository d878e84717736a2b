import { describe, expect, test } from 'vitest'
import { testableCriteria, untestable } from './criteria.ts'

describe('criteria', () => {
  test.each([
    'Subscription is persisted to database',
    'Response includes subscription ID',
    'P99 delivery latency under 5 seconds',
    'No message loss under load',
    'Migration added',
    'All existing tests still pass',
    'Die Antwort enthält die Kennung der Bestellung',
    '注文は保存される',
  ])('can be tested: %s', (criterion) => {
    expect(untestable(criterion)).toBe(null)
  })

  test.each([
    '',
    '   ',
    'Done',
    'Tests pass',
    'It works well and is nice',
    'The feature works as expected',
    'User-friendly and intuitive',
  ])('cannot be tested: %s', (criterion) => {
    expect(untestable(criterion)).not.toBe(null)
  })

  test('are judged in no time, however long', () => {
    const started = performance.now()
    for (const piece of ['a', 'é', '-', "'", ' s', '. ']) untestable(piece.repeat(200_000))
    expect(performance.now() - started).toBeLessThan(1_000)
  })

  test('count once however they are cased', () => {
    expect(testableCriteria(['The order is stored', 'the order  is stored.', 'bad'])).toEqual(['The order is stored'])
  })
})
