import { SpecfleetError } from '@specfleet/shared'
import { expect, test } from 'vitest'
import { openLog } from './log.ts'

const lines: Record<string, unknown>[] = []
const log = openLog({
  level: 'info',
  now: () => new Date('2026-11-20T12:00:00.000Z'),
  write: (line) => void lines.push(JSON.parse(line)),
})

test('an event is one line with everything that belongs to it', () => {
  log.with({ orchestrator: 'o' }).info('task.handled', { ms: 3 })
  expect(lines.at(-1)).toEqual({
    at: '2026-11-20T12:00:00.000Z',
    level: 'info',
    event: 'task.handled',
    orchestrator: 'o',
    ms: 3,
  })
})

test('what is below the level is not written', () => {
  const before = lines.length
  log.debug('chatter')
  expect(lines).toHaveLength(before)
})

test('an error of the catalogue says its code, any other its stack', () => {
  log.warn('a', { error: new SpecfleetError('source.empty', '/x') })
  expect(lines.at(-1)?.error).toEqual({ code: 'source.empty', message: expect.stringContaining('/x') })
  log.error('b', { error: new TypeError('oops') })
  expect(lines.at(-1)?.error).toMatchObject({ name: 'TypeError', message: 'oops', stack: expect.any(String) })
})
