import type { DeathCause, Demand, RunView } from '@specfleet/shared'
import { NO_USAGE, OrchestratorId, RunId, TaskId } from '@specfleet/shared'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { aftermath, type DeadIncarnation } from './aftermath.ts'

const policy = { firstMs: 1_000, longestMs: 60_000, provenMs: 30_000, attemptLimit: 3 }
const work: Demand = { kind: 'work', stale: false }
const dead = (cause: DeathCause, more: Partial<DeadIncarnation> = {}): DeadIncarnation => ({
  cause,
  asked: false,
  life: { upMs: 1_000, progressed: false },
  ...more,
})
type Outcome = NonNullable<RunView['delivered']>['outcome']
const said = (outcome: Outcome): RunView => ({
  runId: RunId.parse('r'),
  taskId: TaskId.parse('r'),
  kind: 'prompt',
  path: 'plain',
  epoch: 1,
  owner: OrchestratorId.parse('me'),
  fences: [],
  lastSeq: 1,
  staleUpTo: 0,
  lastTurn: 0,
  ready: true,
  lostUpTo: 0,
  delivered: { outcome, usage: NO_USAGE },
  causes: [],
  phaseUsage: NO_USAGE,
  usage: NO_USAGE,
})

test('work that is done is done, however its worker died', () => {
  const next = aftermath({ kind: 'end', outcome: 'done' }, undefined, dead({ kind: 'oom' }), 2, policy, 0)
  expect(next).toEqual({ kind: 'settle', outcome: 'done', reason: undefined })
})

test('a death is tried again with a growing wait, until a person has to look', () => {
  expect(aftermath(work, undefined, dead({ kind: 'oom' }), 0, policy, 1)).toMatchObject({
    kind: 'wait',
    why: 'backoff',
    delayMs: 1_000,
    failures: 1,
    lost: { kind: 'oom' },
  })
  expect(aftermath(work, undefined, dead({ kind: 'oom' }), 1, policy, 1)).toMatchObject({ delayMs: 2_000, failures: 2 })
  const last = aftermath(work, undefined, dead({ kind: 'oom' }), 2, policy, 1)
  expect(last).toMatchObject({ kind: 'park', failures: 3, reason: expect.stringContaining('3 times in a row') })
})

test('the first death of one that got somewhere keeps its owner and its slot', () => {
  const busy = dead({ kind: 'killed' }, { life: { upMs: 1_000, progressed: true } })
  expect(aftermath(work, undefined, busy, 0, policy, 1)).toEqual({ kind: 'again', failures: 1, lost: busy.cause })
  expect(aftermath(work, undefined, busy, 1, policy, 1)).toMatchObject({ kind: 'wait', delayMs: 2_000, failures: 2 })
})

test('what no other attempt could mend is parked at once', () => {
  for (const cause of [{ kind: 'configuration' }, { kind: 'budget' }] as const)
    expect(aftermath(work, undefined, dead(cause), 0, policy, 0)).toMatchObject({ kind: 'park', lost: cause })
  const refused: DeathCause = { kind: 'provider-error', code: 'no-image', retryable: false }
  expect(aftermath(work, undefined, dead(refused), 0, policy, 0).kind).toBe('park')
})

test('an end that was asked for or announced is no failure, and goes on at once', () => {
  const asked = dead({ kind: 'killed' }, { asked: true })
  expect(aftermath(work, undefined, asked, 2, policy, 0)).toMatchObject({ kind: 'wait', delayMs: 0, failures: 2 })
  for (const outcome of ['drained', 'paused', 'awaiting-approval'] as const) {
    const next = aftermath(work, said(outcome), dead({ kind: 'exit', code: 0 }), 2, policy, 0)
    expect(next).toMatchObject({ kind: 'wait', delayMs: 0, failures: 2, lost: undefined })
  }
})

test('a worker that says done although the log asks for more has failed', () => {
  const next = aftermath(work, said('done'), dead({ kind: 'exit', code: 0 }), 0, policy, 1)
  expect(next).toMatchObject({ kind: 'wait', why: 'backoff', failures: 1, lost: { kind: 'exit', code: 0 } })
})

test('the loss of an owner is written down, and is not the fault of the run', () => {
  const next = aftermath(work, undefined, dead({ kind: 'owner-lost' }), 2, policy, 1)
  expect(next).toMatchObject({ kind: 'wait', delayMs: 0, failures: 2, lost: { kind: 'owner-lost' } })
})

test('exactly one thing follows, and it is what the log demands', () => {
  const cause = fc.constantFrom<DeathCause>(
    { kind: 'oom' },
    { kind: 'exit', code: 1 },
    { kind: 'configuration' },
    { kind: 'owner-lost' },
    { kind: 'lost-heartbeat', silentMs: 1 },
  )
  const life = fc.record({ asked: fc.boolean(), progressed: fc.boolean() })
  const demand = fc.constantFrom<Demand>(
    work,
    { kind: 'work', stale: true },
    { kind: 'hold', why: 'approval' },
    { kind: 'hold', why: 'paused' },
    { kind: 'end', outcome: 'failed', reason: 'because' },
    { kind: 'parked', reason: 'because' },
  )
  const view = fc.option(fc.constantFrom<Outcome>('done', 'failed', 'drained', 'paused', 'cancelled').map(said), {
    nil: undefined,
  })
  fc.assert(
    fc.property(demand, view, cause, life, fc.nat(10), (wanted, last, why, { asked, progressed }, failures) => {
      const lived = { upMs: 1_000, progressed }
      const next = aftermath(wanted, last, dead(why, { asked, life: lived }), failures, policy, 0.5)
      if (wanted.kind === 'end') expect(next.kind).toBe('settle')
      if (wanted.kind === 'hold') expect(next).toMatchObject({ kind: 'wait', why: wanted.why, delayMs: undefined })
      if (wanted.kind === 'parked') expect(next.kind).toBe('park')
      if (wanted.kind === 'work') expect(['wait', 'again', 'park']).toContain(next.kind)
      // Only a death can be followed at once, never one that gets nowhere, and never twice in a row.
      if (next.kind === 'again') expect([progressed, asked, failures]).toEqual([true, false, 0])
      if (next.kind !== 'settle' && asked) expect(next.lost).toBeUndefined()
    }),
  )
})
