import { expect, test } from 'vitest'
import { RUN, SPEC, SpecLog, usageOf } from '../../../shared/src/spec/spec-log.fixture.ts'
import { Demands } from './demands.ts'

const run = { runId: RUN, specId: SPEC, foldedTo: 0 }

/** A log that is folded, and what is known of it. */
function setUp() {
  const log = new SpecLog()
    .submit('task-1', { approval: ['requirements'] })
    .claim()
    .fence()
  const ledger = { foldedTo: 10, spec: () => log.state }
  const demands = new Demands(ledger)
  const heard = (specs = [SPEC]) => demands.haveChanged({ specs: new Set(specs), foldedTo: ledger.foldedTo })
  return { log, ledger, demands, heard }
}

test('how the work goes on is no news, and that it is to stop is', () => {
  const { log, demands, heard } = setUp()
  demands.begin()
  expect(demands.of(run)).toEqual({ kind: 'work', phase: 'explore', stale: false })
  log.say('phase.started', { phase: 'explore', attempt: 1, turn: 1 })
  expect(heard()).toBe(false)
  log.say('run.delivered', { outcome: 'drained', usage: usageOf(1) })
  expect(heard()).toBe(false)
  log.command({ command: 'pause', specId: SPEC })
  expect(heard()).toBe(true)
  demands.begin()
  expect(demands.of(run)).toEqual({ kind: 'hold', why: 'paused' })
  expect(heard()).toBe(false)
})

test('of a run that the last comparison did not ask about nothing is news', () => {
  const { log, demands, heard } = setUp()
  demands.begin()
  demands.of(run)
  demands.begin()
  log.command({ command: 'pause', specId: SPEC })
  expect(heard()).toBe(false)
  expect(demands.now(run)).toEqual({ kind: 'hold', why: 'paused' })
  expect(heard()).toBe(false)
})

test('a record that is ahead of the fold is news as soon as that has caught up, whatever brought it there', () => {
  const { ledger, demands, heard } = setUp()
  demands.begin()
  expect(demands.of({ ...run, foldedTo: 12 })).toBeUndefined()
  ledger.foldedTo = 11
  expect(heard([])).toBe(false)
  ledger.foldedTo = 12
  expect(heard([])).toBe(true)
})
