import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Outcome, Trial } from '../trial.ts'
import { openJournal } from './journal.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'specfleet-journal-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const trial = (nth: number, side: 'before' | 'after' = 'after'): Trial => ({
  seed: 7,
  victim: 'worker',
  at: { kind: 'point', point: { name: 'worker/turn', nth, side } },
})
const outcome = (of: Trial, violations: Outcome['violations'] = [], turnsPaidTwice = 1): Outcome => ({
  trial: of,
  violations,
  recoveryMs: 412.5,
  coldStartsMs: [300],
  turnsPaidTwice,
  notes: [],
})

test('what was found out is found again, whichever one of its name it was', () => {
  const file = join(folder, 'journal')
  openJournal(file, 'process').add(outcome(trial(2)))
  const again = openJournal(file, 'process')
  expect(again.find(trial(5))).toEqual(outcome(trial(2)))
  expect(again.find(trial(2, 'before'))).toBeUndefined()
  expect(again.find({ ...trial(2), first: trial(1) })).toBeUndefined()
})

test('what held by one provider is still to be tried by another', () => {
  const file = join(folder, 'journal')
  openJournal(file, 'process').add(outcome(trial(1)))
  expect(openJournal(file, 'docker').find(trial(1))).toBeUndefined()
  openJournal(file, 'docker').add(outcome(trial(1), [], 2))
  expect(openJournal(file, 'docker').find(trial(1))?.turnsPaidTwice).toBe(2)
  expect(openJournal(file, 'process').find(trial(1))?.turnsPaidTwice).toBe(1)
})

test('a line that tells no provider was written where there was only one', () => {
  const file = join(folder, 'journal')
  appendFileSync(file, `${JSON.stringify(outcome(trial(1)))}\n`)
  expect(openJournal(file, 'process').find(trial(1))).toEqual(outcome(trial(1)))
  expect(openJournal(file, 'docker').find(trial(1))).toBeUndefined()
})

test('what was violated is tried again', () => {
  const file = join(folder, 'journal')
  const violated = outcome(trial(1), [{ promise: 'settles once', sentence: 'It did not.', evidence: ['a line'] }])
  openJournal(file, 'process').add(violated)
  expect(openJournal(file, 'process').find(trial(1))).toBeUndefined()
  openJournal(file, 'process').add(outcome(trial(1)))
  expect(openJournal(file, 'process').find(trial(1))?.violations).toEqual([])
})

test('a line that was not finished counts as none, and what is no journal is refused', () => {
  const file = join(folder, 'journal')
  openJournal(file, 'process').add(outcome(trial(1)))
  appendFileSync(file, readFileSync(file, 'utf8').slice(0, 40))
  openJournal(file, 'process').add(outcome(trial(1, 'before')))
  const again = openJournal(file, 'process')
  expect([trial(1), trial(1, 'before')].map((each) => again.find(each)?.turnsPaidTwice)).toEqual([1, 1])
  appendFileSync(file, 'no outcome\n')
  expect(() => openJournal(file, 'process')).toThrow(`${file}:3 is no outcome`)
})
