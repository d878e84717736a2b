import { describe, expect, it } from 'vitest'
import { counter, evidenceIn, exitReport, type Remains, verdictIn } from './post-mortem.ts'

const remains = (over: Partial<Remains> = {}): Remains => ({
  exit: '0 3\n',
  ended: undefined,
  log: '',
  limits: { oomKills: 0, pidsRefused: 0 },
  wallClockSeconds: 60,
  ...over,
})

describe('the report of an exit', () => {
  it('tells a code as a code and a signal as a signal', () => {
    expect(exitReport(remains({ exit: '3 1\n' }))).toMatchObject({ code: 3, signal: null })
    expect(exitReport(remains({ exit: '139 1\n' }))).toMatchObject({ code: null, signal: 'SIGSEGV' })
    expect(exitReport(remains({ exit: '255 1\n' }))).toMatchObject({ code: 255, signal: null })
  })

  it('knows nothing where the shim told nothing', () => {
    for (const exit of [undefined, '', 'rubbish']) {
      expect(exitReport(remains({ exit }))).toMatchObject({ code: null, signal: null, wallClock: false })
    }
  })

  it('blames the wall clock only when the time was up', () => {
    expect(exitReport(remains({ exit: '137 60\n' })).wallClock).toBe(true)
    expect(exitReport(remains({ exit: '124 61\n' })).wallClock).toBe(true)
    expect(exitReport(remains({ exit: '137 59\n' })).wallClock).toBe(false)
    expect(exitReport(remains({ exit: '0 60\n' })).wallClock).toBe(false)
  })

  it('blames the memory limit only when the worker itself was killed', () => {
    const limits = { oomKills: 1, pidsRefused: 0 }
    expect(exitReport(remains({ exit: '137 5\n', limits })).oom).toBe(true)
    expect(exitReport(remains({ exit: '0 5\n', limits })).oom).toBe(false)
    expect(exitReport(remains({ exit: undefined, limits })).oom).toBe(true)
  })

  it('takes the word of the engine that it ended it, unless the kill came too late', () => {
    const limits = { oomKills: 3, pidsRefused: 9 }
    expect(exitReport(remains({ exit: '137 5\n', ended: 'pids', limits }))).toMatchObject({ pids: true, oom: false })
    expect(exitReport(remains({ exit: '137 5\n', ended: 'output' }))).toMatchObject({ output: true, pids: false })
    expect(exitReport(remains({ exit: undefined, ended: 'output' })).output).toBe(true)
    expect(exitReport(remains({ exit: '0 5\n', ended: 'output' })).output).toBe(false)
    expect(['pids\n', 'output', 'rubbish', '', undefined].map(verdictIn)).toEqual([
      'pids',
      'output',
      undefined,
      undefined,
      undefined,
    ])
  })

  it('does not blame the process limit for a kill from outside', () => {
    const limits = { oomKills: 0, pidsRefused: 9 }
    expect(exitReport(remains({ exit: '137 5\n', limits })).pids).toBe(false)
    expect(exitReport(remains({ exit: '1 5\n', limits })).pids).toBe(true)
  })

  it('keeps the last lines, and of each a bounded part', () => {
    const log = `${Array.from({ length: 300 }, (_, n) => `line ${n}`).join('\n')}\n${'x'.repeat(9_000)}\n`
    const { logTail } = exitReport(remains({ log }))
    expect(logTail).toHaveLength(200)
    expect(logTail[0]).toBe('line 101')
    expect(logTail.at(-1)).toHaveLength(2_000)
    expect(exitReport(remains()).logTail).toEqual([])
  })
})

describe('counters of control groups', () => {
  it('are read from the event files of both versions', () => {
    expect(evidenceIn('oom_kill_disable 0\nunder_oom 0\noom_kill 2\n', 'max 7\n')).toEqual({
      oomKills: 2,
      pidsRefused: 7,
    })
    expect(evidenceIn('low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\n', 'max 0\n')).toEqual({ oomKills: 1, pidsRefused: 0 })
  })

  it('are nothing where there is nothing to read', () => {
    expect(counter('', 'max')).toBe(0)
    expect(counter('max many\n', 'max')).toBe(0)
  })
})
