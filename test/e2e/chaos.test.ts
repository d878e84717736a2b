import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { parsePoint } from '../../packages/chaos/src/points/point.ts'
import { parseStrike } from '../../packages/chaos/src/strike.ts'
import { runTrial } from '../../packages/chaos/src/trial.ts'
import type { VictimName } from '../../packages/chaos/src/world/victim.ts'
import { processesOf } from '../../packages/testkit/src/leaks.ts'

const MAIN = fileURLToPath(new URL('../../packages/chaos/src/main.ts', import.meta.url))
const SEED = 7

/** The tool as a user runs it, with temporary folders of its own. */
function chaos(home: string, ...argv: string[]) {
  const child = spawn(process.execPath, [MAIN, '--seed', String(SEED), ...argv], {
    env: { ...process.env, TMPDIR: home, SPECFLEET_PROVIDER: 'process' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, notes]: [string[], string[]] = [[], []]
  createInterface({ input: child.stdout }).on('line', (line) => out.push(line))
  const firstNote = Promise.withResolvers<void>()
  createInterface({ input: child.stderr }).on('line', (line) => {
    notes.push(line)
    firstNote.resolve()
  })
  const ended = new Promise<number | null>((resolve) => void child.once('close', resolve))
  return { child, ended, firstNote: firstNote.promise, output: () => out.join('\n'), notes: () => notes.join('\n') }
}

/** Shared by all processes that tests start, and kept. */
const KEPT = ['specfleet-test-compile-cache', 'specfleet-test-engine-stock']

let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'chaos-e2e-'))
})
afterAll(() => rm(home, { recursive: true, force: true }))

async function expectNothingLeft(): Promise<void> {
  expect(processesOf(home)).toEqual([])
  expect((await readdir(home)).filter((name) => !KEPT.includes(name))).toEqual([])
}

/**
 * The part of the matrix that every test run proves: each victim that needs no long wait, once, where it hurts. The
 * rest is drawn by `npm run chaos`.
 */
const FIXED = [
  ['worker', 'worker/turn#2 after', 'once'],
  ['worker', 'worker/call/model before', 'every-epoch'],
  ['sandbox', 'gateway/answer#3 before', 'once'],
  ['orchestrator', 'intake/task/ack before', 'once'],
  ['orchestrators', 'supervisor/record/running after', 'once'],
  ['nats', 'worker/fact/phase.completed#2 before', 'once'],
  ['nats-frozen', 'supervisor/fact/run.fenced after', 'once'],
  ['forwarder', 'worker/call/model#2 before', 'once'],
  ['zombie-orchestrator', 'supervisor/record/starting after', 'once'],
  ['clock-jump', 'worker/turn#3 before', 'once'],
] as const

const HIT_ONE_RUN: ReadonlySet<VictimName> = new Set(['worker', 'sandbox'])

/** Where the first blow is half dealt with. */
const TWO_BLOWS = [
  ['orchestrator', 'supervisor/fact/run.lost after', 'worker at worker/turn#2 after'],
  ['nats', 'supervisor/fact/run.adopted before', 'orchestrator at worker/turn#2 after'],
] as const

describe('a fleet comes to the same end', () => {
  test.each(FIXED)('when %s is struck at %s, %s', async (victim, point, strikes) => {
    const at = { kind: 'point', point: parsePoint(point) } as const
    const outcome = await runTrial({ seed: SEED, victim, at, strikes }, { freezeMs: 7_000 })
    expect(outcome.violations).toEqual([])
    expect(outcome.skipped).toBeUndefined()
    // Of each run at most one turn, as judged; other victims are those of several runs.
    if (strikes === 'once' && HIT_ONE_RUN.has(victim)) expect(outcome.turnsPaidTwice).toBeLessThanOrEqual(1)
  })
})

test.each(TWO_BLOWS)(
  'a fleet comes to the same end when %s is struck at %s, behind %s',
  async (victim, point, first) => {
    const at = { kind: 'point', point: parsePoint(point) } as const
    const outcome = await runTrial({ seed: SEED, victim, at, first: parseStrike(first) })
    expect(outcome.violations).toEqual([])
    expect(outcome.skipped).toBeUndefined()
  },
)

const Judged = z.object({ planned: z.literal(1), outcomes: z.tuple([z.object({ result: z.literal('held') })]) })

test('the tool judges what it is asked for and says so to programs', async () => {
  const run = chaos(home, '--point', 'worker/turn after', '--victim', 'worker', '--json')
  expect(await run.ended, run.notes()).toBe(0)
  expect(() => Judged.parse(JSON.parse(run.output()))).not.toThrow()
  await expectNothingLeft()
})

test('Ctrl-C ends it in order, with nothing left', async () => {
  const run = chaos(home, '--runs', '20')
  await run.firstNote
  run.child.kill('SIGINT')
  expect(await run.ended, run.notes()).toBe(130)
  expect(run.notes()).toContain('interrupted')
  await expectNothingLeft()
})
