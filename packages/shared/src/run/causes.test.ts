import { describe, expect, it } from 'vitest'
import { causeOfExit, type DeathCause, type ExitReport, isRetryable, WORKER_EXIT } from './causes.ts'

const exit = (over: Partial<ExitReport>): ExitReport => ({
  code: null,
  signal: null,
  oom: false,
  pids: false,
  output: false,
  wallClock: false,
  logTail: [],
  ...over,
})
const kindOf = (over: Partial<ExitReport>) => causeOfExit(exit(over)).kind

describe('the cause of an exit', () => {
  it('is the limit for which the engine has evidence, whatever the code says', () => {
    const killed = { signal: 'SIGKILL' }
    expect(kindOf({ ...killed, oom: true })).toBe('oom')
    expect(kindOf({ ...killed, pids: true })).toBe('pids')
    expect(kindOf({ ...killed, output: true })).toBe('output')
    expect(kindOf({ ...killed, wallClock: true, oom: true })).toBe('wall-clock')
    expect(kindOf(killed)).toBe('killed')
  })

  it.each<[number, DeathCause['kind']]>([
    [WORKER_EXIT.busCut, 'bus-cut'],
    [WORKER_EXIT.budget, 'budget'],
    [WORKER_EXIT.diskFull, 'disk'],
    [WORKER_EXIT.rateLimited, 'rate-limit'],
    [WORKER_EXIT.configuration, 'configuration'],
    [WORKER_EXIT.failed, 'exit'],
  ])('is what a worker says by %i', (code, kind) => expect(kindOf({ code })).toBe(kind))

  it('is the process limit when a worker to which a process was refused ends without saying why', () => {
    expect(kindOf({ code: 1, pids: true })).toBe('pids')
    expect(kindOf({ signal: 'SIGABRT', pids: true })).toBe('pids')
    expect(kindOf({ code: WORKER_EXIT.busCut, pids: true })).toBe('bus-cut')
    expect(kindOf({ code: 0, pids: true })).toBe('exit')
  })

  it('lets another epoch try after every limit', () => {
    const limits = ['oom', 'pids', 'disk', 'output', 'wall-clock'] as const
    expect(limits.map((kind) => isRetryable({ kind }))).toEqual(limits.map(() => true))
  })
})
