import { expect, test } from 'vitest'
import { type Container, readContainer, reportOf } from './exit.ts'

const LABELS = {
  'specfleet.fleet': 'fleet',
  'specfleet.sandbox': 'run_1-2',
  'specfleet.spec': 'shop',
  'specfleet.run': 'run_1',
  'specfleet.epoch': '2',
  'specfleet.expires': '2100-01-01T00:00:00.000Z',
  'specfleet.limits': JSON.stringify({
    ...{ memoryMb: 1024, diskMb: 512, cpus: 1, pids: 256, wallClockMinutes: 1, outputMb: 8 },
  }),
}

function inspected(changes: { status?: string; code?: number; oom?: boolean; seconds?: number; error?: string } = {}) {
  const startedAt = Date.parse('2026-01-01T00:00:00.000Z')
  return {
    Id: 'c0ffee',
    State: {
      Status: changes.status ?? 'exited',
      Pid: 0,
      ExitCode: changes.code ?? 0,
      OOMKilled: changes.oom ?? false,
      Error: changes.error ?? '',
      StartedAt: new Date(startedAt).toISOString(),
      FinishedAt: new Date(startedAt + (changes.seconds ?? 5) * 1_000).toISOString(),
    },
    Config: { Labels: LABELS },
  }
}

function container(changes?: Parameters<typeof inspected>[0]): Container {
  const read = readContainer(inspected(changes))
  if (read === undefined) throw new Error('it is one of ours')
  return read
}

const report = (changes?: Parameters<typeof inspected>[0], ended?: 'pids' | 'output') =>
  reportOf({ container: container(changes), ended, log: 'one\ntwo\n' })

test('a container is what its labels say, and one without them is none of ours', () => {
  expect(container({ status: 'running' })).toMatchObject({ state: 'running', identity: { id: 'run_1-2' } })
  expect(['created', 'paused', 'dead', 'removing'].map((status) => container({ status }).state)).toEqual([
    'made',
    'running',
    'exited',
    'exited',
  ])
  expect(readContainer({ ...inspected(), Config: { Labels: null } })).toBeUndefined()
})

test('an exit code is an exit code, and one above 128 a signal', () => {
  expect(report({ code: 3 })).toMatchObject({ code: 3, signal: null, logTail: ['one', 'two'] })
  expect(report({ code: 139 })).toMatchObject({ code: null, signal: 'SIGSEGV' })
})

test('memory that ran out counts only when the worker went with it', () => {
  expect(report({ code: 137, oom: true })).toMatchObject({ oom: true, signal: 'SIGKILL' })
  expect(report({ code: 0, oom: true }).oom).toBe(false)
})

test('the wall clock is blamed for a kill at its time, and a limit for one that was written down', () => {
  expect(report({ code: 137, seconds: 60 }).wallClock).toBe(true)
  expect(report({ code: 137, seconds: 59 }).wallClock).toBe(false)
  expect(report({ code: 0, seconds: 60 }).wallClock).toBe(false)
  expect(report({ code: 137 }, 'output')).toMatchObject({ output: true, pids: false })
  expect(report({ code: 137 }, 'pids')).toMatchObject({ output: false, pids: true })
})

test('what the engine says of a start that failed is part of the last words', () => {
  expect(report({ code: 127, error: 'exec: "node": not found' }).logTail.at(-1)).toBe('exec: "node": not found')
})
