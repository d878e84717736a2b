import type { DeathCause, ExitReport } from '@specfleet/shared'
import { expect, test } from 'vitest'
import { causeOfDeath } from './cause-of-death.ts'
import type { Evidence } from './world.ts'

const KILLED: ExitReport = {
  code: null,
  signal: 'SIGKILL',
  oom: false,
  pids: false,
  output: false,
  wallClock: false,
  logTail: [],
}
const SILENCE: DeathCause = { kind: 'lost-heartbeat', silentMs: 10_000 }
const condemned = (cause: DeathCause): Evidence => ({ kind: 'condemned', cause })
const byForce = (limit: Partial<ExitReport> = {}) => ({ exit: { ...KILLED, ...limit }, byForce: true })

test('of a silent worker the engine’s evidence of a limit outranks the silence', () => {
  expect(causeOfDeath(condemned(SILENCE), byForce({ oom: true }))).toEqual({ kind: 'oom' })
  expect(causeOfDeath(condemned(SILENCE), byForce({ pids: true }))).toEqual({ kind: 'pids' })
  expect(causeOfDeath(condemned(SILENCE), byForce({ output: true }))).toEqual({ kind: 'output' })
  expect(causeOfDeath(condemned(SILENCE), byForce({ wallClock: true }))).toEqual({ kind: 'wall-clock' })
})

test('our own kill is no cause: without such evidence, or without an engine to ask, the verdict stands', () => {
  expect(causeOfDeath(condemned(SILENCE), byForce())).toEqual(SILENCE)
  expect(causeOfDeath(condemned(SILENCE), undefined)).toEqual(SILENCE)
  expect(causeOfDeath({ kind: 'vanished' }, undefined)).toEqual({ kind: 'killed' })
})

test('what is ended for another reason is ended for that, whatever limit it also ran into', () => {
  expect(causeOfDeath(condemned({ kind: 'flood' }), byForce({ oom: true }))).toEqual({ kind: 'flood' })
  expect(causeOfDeath({ kind: 'overdue' }, byForce({ pids: true }))).toEqual({ kind: 'cancelled' })
})

test('one that had ended by itself knows best', () => {
  const exit = { ...KILLED, code: 69, signal: null }
  expect(causeOfDeath(condemned(SILENCE), { exit, byForce: false })).toEqual({ kind: 'bus-cut' })
  expect(causeOfDeath({ kind: 'exited' }, { exit: KILLED, byForce: false })).toEqual({
    kind: 'killed',
    signal: 'SIGKILL',
  })
})
