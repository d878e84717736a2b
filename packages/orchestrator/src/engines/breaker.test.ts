import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  admits,
  answered,
  type Breaker,
  begun,
  failed,
  faultOf,
  isEnginesOwn,
  undecided,
  WELL,
  worked,
} from './breaker.ts'

const policy = { firstMs: 10, longestMs: 100, quotaMs: 1_000 }
const fail = (breaker: Breaker, code: string, now = 0, runId = 'run') =>
  failed(breaker, { code, reason: code, runId }, now, policy)
const probing = (breaker: Breaker, now: number): Breaker => begun(breaker, now) ?? expect.unreachable('none may begin')

/** Times of rest in a row, each trial made as soon as it may and failing. */
function rests(code: string, count: number): number[] {
  const taken: number[] = []
  let breaker = WELL
  let now = 0
  for (let n = 0; n < count; n += 1) {
    breaker = fail(n === 0 ? breaker : probing(breaker, now), code, now)
    const until = breaker.kind === 'open' ? breaker.until : expect.unreachable('it is not open')
    taken.push(until - now)
    now = until
  }
  return taken
}

describe('a failure', () => {
  test('of the engine itself closes it to everybody until one run may try', () => {
    const open = fail(WELL, 'provider.engine-gone')
    expect([admits(open, 0), admits(open, 9), admits(open, 10)]).toEqual(['none', 'none', 'one'])
    expect(begun(open, 9)).toBeUndefined()
    const trial = probing(open, 10)
    expect(admits(trial, 1_000)).toBe('none')
    expect(admits(worked(trial), 10)).toBe('all')
  })

  test("of a task's own is nothing that the engine answers for", () => {
    for (const code of ['task.image', 'provider.conflict', 'config.invalid', 'constructor', 'internal']) {
      expect(fail(WELL, code)).toBe(WELL)
      expect(isEnginesOwn(code)).toBe(false)
    }
  })

  test('inside the engine is its own when three runs have had it in a row', () => {
    const twice = fail(fail(WELL, 'provider.failed', 0, 'a'), 'provider.failed', 0, 'b')
    expect(admits(fail(twice, 'provider.failed', 0, 'b'), 0)).toBe('all')
    expect(admits(fail(twice, 'provider.failed', 0, 'c'), 0)).toBe('none')
    expect(admits(fail(worked(twice), 'provider.failed', 0, 'c'), 0)).toBe('all')
    expect(isEnginesOwn('provider.failed')).toBe(false)
  })
})

describe('a rest', () => {
  test('doubles with every trial that fails, up to the longest', () => {
    expect(rests('provider.engine-gone', 6)).toEqual([10, 20, 40, 80, 100, 100])
  })

  test('is longer where there is no room, or no will', () => {
    expect(faultOf('provider.no-space')).toBe('quota')
    expect(rests('provider.no-space', 5)).toEqual([1_000, 2_000, 4_000, 8_000, 8_000])
    expect(rests('provider.refused', 1)).toEqual([1_000])
  })

  test('is neither prolonged nor ended by what began before it', () => {
    const open = fail(WELL, 'provider.no-space')
    expect(fail(open, 'provider.no-space', 500)).toBe(open)
    expect(worked(open)).toBe(open)
  })

  test('ends when an engine that was gone answers, not when one is full', () => {
    expect(admits(answered(fail(WELL, 'provider.engine-gone'), 5), 5)).toBe('one')
    expect(admits(answered(fail(WELL, 'provider.no-space'), 5), 5)).toBe('none')
  })
})

test('a trial that says nothing of the engine is followed by the next', () => {
  const trial = probing(fail(WELL, 'provider.engine-gone'), 10)
  expect(admits(undecided(trial, 11), 11)).toBe('one')
  expect(admits(fail(trial, 'task.image', 11), 11)).toBe('one')
})

test('whatever happens, a sick engine has one trial at a time, and is never sick for ever', () => {
  const code = fc.constantFrom('provider.engine-gone', 'provider.no-space', 'provider.failed', 'task.image')
  const step = fc.oneof(
    fc.record({ kind: fc.constant('begin' as const), wait: fc.nat(2_000) }),
    fc.record({ kind: fc.constant('fail' as const), code, runId: fc.constantFrom('a', 'b', 'c', 'd') }),
    fc.record({ kind: fc.constantFrom('worked' as const, 'undecided' as const, 'answered' as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let breaker = WELL
      let now = 0
      for (const each of steps) {
        if (each.kind === 'begin') {
          now += each.wait
          const admission = admits(breaker, now)
          const next = begun(breaker, now)
          expect(next === undefined).toBe(admission === 'none')
          if (admission === 'one' && next !== undefined) expect(begun(next, now)).toBeUndefined()
          breaker = next ?? breaker
        } else if (each.kind === 'fail') breaker = fail(breaker, each.code, now, each.runId)
        else if (each.kind === 'worked') breaker = worked(breaker)
        else breaker = each.kind === 'undecided' ? undecided(breaker, now) : answered(breaker, now)
      }
      const ended = breaker.kind === 'probing' ? undecided(breaker, now) : breaker
      expect(admits(ended, now + 8 * policy.quotaMs)).not.toBe('none')
    }),
  )
})
