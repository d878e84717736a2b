import { describe, expect, test } from 'vitest'
import { PLAIN } from '../../../cli/src/render/style.ts'
import { readOptions } from '../options.ts'
import type { PointName, Side } from '../points/point.ts'
import { parseStrike } from '../strike.ts'
import type { Outcome, Trial } from '../trial.ts'
import type { VictimName } from '../world/victim.ts'
import { progressLine } from './progress.ts'
import { type Report, reportAsJson, reportAsMarkdown, reportAsText } from './report.ts'
import { describeTrial, reproduce, reproduceCalm, violationLines } from './reproduce.ts'
import { spreadOf, summarise } from './summary.ts'

const trial = (name: PointName, side: Side, victim: VictimName, more: Partial<Trial> = {}): Trial => ({
  seed: 7,
  victim,
  at: { kind: 'point', point: { name, nth: 2, side } },
  ...more,
})
const FIRST = parseStrike('worker at worker/turn#2 after')
const outcome = (of: Trial, more: Partial<Outcome> = {}): Outcome => ({
  trial: of,
  violations: [],
  recoveryMs: 1_500,
  coldStartsMs: [1_000],
  turnsPaidTwice: 1,
  notes: [],
  ...more,
})
const VIOLATION = { promise: 'settles once', sentence: 'task a settled twice', evidence: ['seq 3', 'seq 9'] }

const outcomes: readonly Outcome[] = [
  outcome(trial('worker/turn', 'before', 'worker')),
  outcome(trial('worker/turn', 'after', 'worker'), { recoveryMs: 2_500, turnsPaidTwice: 0 }),
  outcome(trial('worker/turn', 'after', 'worker'), { violations: [VIOLATION] }),
  outcome(trial('api/task', 'after', 'nats'), { recoveryMs: 240 }),
  outcome(trial('any', 'before', 'nats'), { recoveryMs: undefined, skipped: 'all was over' }),
  outcome(trial('worker/beat', 'before', 'worker', { strikes: 'every-epoch' }), { recoveryMs: undefined }),
]
const report: Report = {
  seed: 7,
  machine: 'a machine',
  jobs: 2,
  planned: 8,
  ms: 61_000,
  outcomes,
  summary: summarise(outcomes, [1_000, 1_000]),
  circumstances: { provider: 'process' },
}

test('the report for a terminal', () => {
  expect(reportAsText(report, (text) => text)).toMatchInlineSnapshot(`
    [
      "point         work  nats",
      "────────────  ────  ────",
      "api/task            -✓",
      "worker/turn   ✓✗",
      "random times        ·-",
      "every epoch   ✓-",
      "",
      "Each cell: before the point, then after it. ✓ every promise held, ✗ violated, · the victim was not there, - not tried.",
      "work = worker, nats = nats",
      "",
      "victim  trials  held  violated  not there     p50     p95     p99  p50/cold  p99/cold  paid twice  most  target",
      "──────  ──────  ────  ────────  ─────────  ──────  ──────  ──────  ────────  ────────  ──────────  ────  ────────────────────────────────────────",
      "worker       4     3         1          0  1.50 s  2.40 s  2.48 s     1.5 ×     2.5 ×           3     1  p50 ≤ 1.5 ×, p99 ≤ 4 × a cold start: met",
      "nats         2     1         0          1  0.24 s  0.24 s  0.24 s     0.2 ×     0.2 ×           2     1",
      "",
      "Cold start, sandbox to ready: p50 1.00 s, p95 1.00 s, p99 1.00 s (8 measured).",
      "Not there:",
      "  nats: all was over (1)",
      "6 of 8 trials with seed 7, provider process, in 61 s, 2 at a time: 4 held, 1 violated, 1 without a blow.",
      "Machine: a machine.",
    ]
  `)
})

test('the same as Markdown', () => {
  expect(reportAsMarkdown(report)).toMatchInlineSnapshot(`
    [
      "6 of 8 trials with seed 7, provider process, in 61 s, 2 at a time: 4 held, 1 violated, 1 without a blow.",
      "Machine: a machine.",
      "",
      "Cold start, sandbox to ready: p50 1.00 s, p95 1.00 s, p99 1.00 s (8 measured).",
      "",
      "| victim | trials | held | violated | not there | p50 | p95 | p99 | p50/cold | p99/cold | paid twice | most | target |",
      "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
      "| worker | 4 | 3 | 1 | 0 | 1.50 s | 2.40 s | 2.48 s | 1.5 × | 2.5 × | 3 | 1 | p50 ≤ 1.5 ×, p99 ≤ 4 × a cold start: met |",
      "| nats | 2 | 1 | 0 | 1 | 0.24 s | 0.24 s | 0.24 s | 0.2 × | 0.2 × | 2 | 1 |  |",
      "",
      "| point | work | nats |",
      "| --- | --- | --- |",
      "| api/task |  | -✓ |",
      "| worker/turn | ✓✗ |  |",
      "| random times |  | ·- |",
      "| every epoch | ✓- |  |",
      "",
      "Each cell: before the point, then after it. ✓ every promise held, ✗ violated, · the victim was not there, - not tried.",
      "work = worker, nats = nats",
      "",
      "Not there:",
      "",
      "- nats: all was over (1)",
    ]
  `)
})

test('a program gets every outcome with its numbers and how to see it again', () => {
  const json: unknown = JSON.parse(JSON.stringify(reportAsJson(report)))
  expect(json).toMatchObject({
    seed: 7,
    planned: 8,
    coldStart: { count: 8, p50: 1_000 },
    victims: [
      {
        victim: 'worker',
        results: { held: 3, violated: 1, skipped: 0 },
        recovery: { count: 3, p50: 1_500, most: 2_500 },
        paidTwice: { all: 3, most: 1 },
        onTarget: true,
      },
      { victim: 'nats', skips: { 'all was over': 1 }, onTarget: null },
    ],
    outcomes: expect.arrayContaining([
      expect.objectContaining({
        result: 'violated',
        again: "npm run chaos -- --point 'worker/turn#2 after' --victim worker --seed 7",
      }),
    ]),
  })
})

test('what was violated stands with its evidence and the command that shows it again', () => {
  const violated = outcome(trial('worker/turn', 'after', 'worker'), { violations: [VIOLATION] })
  const circumstances = { provider: 'docker', envFile: 'my fleet.env', freezeMs: 6_000 } as const
  expect(violationLines(violated, circumstances)).toEqual([
    'violated: worker at worker/turn#2 after',
    '  settles once: task a settled twice',
    '    seq 3',
    '    seq 9',
    "  again: npm run chaos -- --point 'worker/turn#2 after' --victim worker --seed 7 --freeze 6 --env 'my fleet.env'",
  ])
})

describe('the command that runs a trial again', () => {
  test.each([
    trial('worker/turn', 'after', 'worker'),
    trial('any', 'before', 'nats-frozen'),
    trial('worker/call/model', 'before', 'sandbox', { strikes: 'every-epoch' }),
    trial('worker/turn', 'after', 'worker', { at: { kind: 'time', afterMs: 1_234 } }),
    trial('supervisor/fact/run.lost', 'after', 'nats', { first: FIRST }),
    trial('supervisor/fact/run.parked', 'before', 'nats', { first: { ...FIRST, strikes: 'every-epoch' } }),
  ])('means that very trial', (of) => {
    const [, said = ''] = reproduce(of, { provider: 'process' }).split('npm run chaos -- ')
    const words = said.match(/'[^']*'|\S+/g) ?? []
    const options = readOptions(
      words.map((word) => word.replaceAll("'", '')),
      () => 0,
    )
    expect(options.at).toEqual(of.at)
    expect(options.first).toEqual(of.first)
    expect(options.victims).toEqual([of.victim])
    expect(options.seed).toBe(of.seed)
    expect(options.everyEpoch).toBe(of.strikes === 'every-epoch')
  })
})

test('the command says by what sandboxes are made, unless a file does', () => {
  const of = trial('worker/turn', 'after', 'worker')
  const plain = "npm run chaos -- --point 'worker/turn#2 after' --victim worker --seed 7"
  expect(reproduce(of, { provider: 'process' })).toBe(plain)
  expect(reproduce(of, { provider: 'docker' })).toBe(`SPECFLEET_PROVIDER=docker ${plain}`)
  expect(reproduce(of, { provider: 'docker', envFile: 'fleet.env' })).toBe(`${plain} --env fleet.env`)
  expect(reproduceCalm(7, { provider: 'docker' })).toBe('SPECFLEET_PROVIDER=docker npm run chaos -- --list --seed 7')
})

test('a line for each trial that is over', () => {
  const line = (over: Outcome) => progressLine(over, { done: 3, of: 200 }, PLAIN)
  expect(line(outcome(trial('worker/turn', 'after', 'worker')))).toBe(
    '  3/200 ✓ worker at worker/turn#2 after  1.50 s, 1 paid twice',
  )
  const skipped = outcome(trial('worker/turn', 'after', 'worker'), {
    skipped: 'no worker runs',
    recoveryMs: undefined,
    turnsPaidTwice: 0,
  })
  expect(line(skipped)).toBe('  3/200 · worker at worker/turn#2 after  no worker runs')
})

test('a trial is described by who is struck, where, and how often', () => {
  expect(describeTrial(trial('worker/turn', 'after', 'worker', { strikes: 'every-epoch' }))).toBe(
    'worker at worker/turn#2 after, in every epoch',
  )
  expect(describeTrial(trial('worker/turn', 'after', 'nats', { at: { kind: 'time', afterMs: 1_500 } }))).toBe(
    'nats at 1.50 s behind the first task',
  )
})

test('a trial of two blows has a row of its own, and its recovery is not that of one blow', () => {
  const lost = trial('supervisor/fact/run.lost', 'after', 'nats', { first: FIRST })
  const { matrix, victims } = summarise([outcome(lost), outcome(trial('worker/turn', 'after', 'nats'))], [])
  expect(matrix.map(({ name }) => name)).toEqual(['worker/turn', 'supervisor/fact/run.lost, behind worker'])
  expect(victims.map(({ results, recovery }) => [results.held, recovery?.count])).toEqual([[2, 1]])
  expect(describeTrial(lost)).toBe('nats at supervisor/fact/run.lost#2 after; before: worker at worker/turn#2 after')
})

test('a line says what was seen of those that ended by themselves', () => {
  const noted = outcome(trial('worker/turn', 'after', 'worker'), { notes: ['the worker ended: fenced'] })
  expect(progressLine(noted, { done: 3, of: 200 }, PLAIN)).toContain('the worker ended: fenced')
})

test('a spread lies between its neighbours', () => {
  expect(spreadOf([])).toBeUndefined()
  expect(spreadOf([4, 2])).toEqual({ count: 2, p50: 3, p95: 3.9, p99: 3.98, most: 4 })
})
