import { type NewFact, RunId, SpecId } from '@specfleet/shared'
import { expect, test } from 'vitest'
import { FakeClock } from '../../../testkit/src/fake-clock.ts'
import { Emitter } from '../emitter.ts'
import { openLog } from '../log.ts'
import { inPrint } from './in-print.ts'
import { type Incarnation, Refusals } from './refusals.ts'

const of = (run: string): Incarnation => ({ specId: SpecId.parse('shop'), runId: RunId.parse(run), epoch: 1 })

function open() {
  const clock = new FakeClock()
  const changes = new Emitter<RunId>()
  const told: (readonly [string | undefined, NewFact['data']])[] = []
  const lines: string[] = []
  const refusals = new Refusals({
    clock,
    table: { changes },
    log: openLog({ level: 'warn', now: () => new Date(), write: (line) => lines.push(line) }),
    facts: {
      state: async ({ runId }, { data }, options) => {
        options?.signal?.throwIfAborted()
        return told.push([runId, data])
      },
    },
  })
  return { clock, changes, told, lines, refusals }
}

test('the first refusal is told at once, and a flood of them ever more rarely, with none lost', () => {
  const { clock, told, refusals } = open()
  refusals.note(of('a'), { by: 'bus', reason: 'first' })
  expect(told).toEqual([['a', { by: 'bus', count: 1, lastReason: 'first' }]])
  const minutes = 120
  for (let second = 0; second < minutes * 60; second++) {
    for (let n = 0; n < 10; n++) refusals.note(of('a'), { by: 'bus', reason: `number ${n}` })
    clock.advance(1_000)
  }
  expect(told.length).toBeLessThan(minutes + 20)
  clock.advance(60_000)
  const sum = told.reduce((total, [, data]) => total + ('count' in data ? Number(data.count) : 0), 0)
  expect(sum).toBe(1 + minutes * 60 * 10)
})

test('each refuser is counted by itself, and each run is told of at once', () => {
  const { clock, told, refusals } = open()
  refusals.note(of('a'), { by: 'bus', reason: 'one' })
  refusals.note(of('b'), { by: 'bus', reason: 'two' })
  refusals.note(of('a'), { by: 'desk', reason: 'three', count: 4 })
  refusals.note(of('a'), { by: 'bus', reason: 'four' })
  expect(told.map(([run]) => run)).toEqual(['a', 'b'])
  clock.advance(2_000)
  expect(told.slice(2)).toEqual([
    ['a', { by: 'desk', count: 4, lastReason: 'three' }],
    ['a', { by: 'bus', count: 1, lastReason: 'four' }],
  ])
})

test('what is left is told when the record of the run changes, and at our own end', async () => {
  const { changes, told, refusals } = open()
  for (const reason of ['one', 'two']) refusals.note(of('a'), { by: 'bus', reason })
  expect(told).toHaveLength(1)
  changes.emit(RunId.parse('a'))
  expect(told).toHaveLength(2)
  refusals.note(of('a'), { by: 'bus', reason: 'three' })
  await refusals[Symbol.asyncDispose]()
  expect(told).toHaveLength(3)
})

test('a reason that a sandbox had a hand in is one printable line', () => {
  expect(inPrint('a\u001b[31m\r\nb\u0000\u202e\ud800 c')).toBe('a [31m b c')
  expect(inPrint('x'.repeat(1_000))).toHaveLength(300)
  expect(inPrint('Größe “groß”')).toBe('Größe “groß”')
})
