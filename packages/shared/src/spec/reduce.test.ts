import { describe, expect, it } from 'vitest'
import { runDemand } from './demand.ts'
import { saying } from './legality.fixture.ts'
import { fold, foldRefused } from './reduce.ts'
import { completion, factOf, plannedLog, RUN, SpecLog, usageOf, verdict } from './spec-log.fixture.ts'
import { runOf, SpecState } from './state.ts'

describe('what a worker says', () => {
  it('counts in its epoch, once and in order', () => {
    const log = new SpecLog().submit().claim().fence().fence()
    const say = (epoch: number, seq: number) =>
      log.append(factOf('phase.evaluated', verdict('explore', seq), { by: 'worker', runId: RUN, epoch, seq }))
    say(1, 1)
    expect(log.spec).toMatchObject({ progress: { evaluations: [] }, refused: { count: 0 } })
    say(2, 2)
    const known = saying(log.spec)
    say(2, 2)
    say(2, 1)
    expect(saying(log.spec)).toBe(known)
    say(3, 3)
    expect(log.spec.refused).toEqual({ count: 1, lastReason: 'phase.evaluated of an epoch that was not begun' })
  })

  it('is over with its last word', () => {
    const log = new SpecLog()
      .submit()
      .claim()
      .fence()
      .say('run.delivered', { outcome: 'drained', usage: usageOf(1) })
    log.complete('explore')
    expect(log.spec).toMatchObject({ results: {}, refused: { count: 1 } })
  })

  it('does not count from a run whose work another task has taken over', () => {
    const log = new SpecLog().submit().claim().fence().submit('task-2').claim('task-2').fence('task-2')
    log.complete('explore')
    expect(log.spec).toMatchObject({ results: {}, refused: { count: 0 } })
    log.complete('explore', 'task-2')
    expect(log.spec.results.explore?.runId).toBe('task-2')
    expect(runDemand(log.spec, RUN)).toMatchObject({ kind: 'end', outcome: 'cancelled' })
  })

  it('cannot make the figures illegal', () => {
    const most = { ...usageOf(1), turns: Number.MAX_SAFE_INTEGER, usd: Number.MAX_VALUE }
    const log = new SpecLog().submit().claim().fence()
    log.say('phase.completed', { ...completion('explore'), usage: most })
    log.say('phase.completed', { ...completion('requirements'), usage: most })
    expect(SpecState.safeParse(JSON.parse(JSON.stringify(log.spec))).success).toBe(true)
    expect(log.spec.usage.usd).toBe(Number.MAX_SAFE_INTEGER)
  })
})

describe('fold', () => {
  it('knows no spec before its first task', () => {
    const fact = factOf('run.claimed', { taskId: 'task-1', kind: 'spec', owner: 'o' }, { by: 'intake', runId: RUN })
    expect(fold(undefined, fact, 1)).toBeUndefined()
    expect(foldRefused(undefined, 'no JSON', 1)).toBeUndefined()
  })

  it('counts what is malformed or names another spec, each entry once', () => {
    const log = new SpecLog().submit()
    const other = factOf('spec.paused', {}, { specId: 'returns' })
    const state = foldRefused(fold(log.spec, other, 2), 'no JSON', 3)
    expect(state).toMatchObject({ paused: false, refused: { count: 2, lastReason: 'no JSON' }, foldedTo: 3 })
    expect(foldRefused(state, 'no JSON', 3)).toBe(state)
    expect(fold(state, other, 3)).toBe(state)
  })

  it('keeps runs with names that JavaScript objects have', () => {
    const log = new SpecLog().submit().submit('constructor').claim('constructor').fence('constructor')
    expect(log.run('constructor').epoch).toBe(1)
    const odd = factOf('run.claimed', { taskId: '__proto__', kind: 'spec', owner: 'o' }, { by: 'intake' })
    expect(fold(log.spec, odd, 99)?.refused.count).toBe(1)
  })

  it('folds 100,000 small facts of one spec in well under its allowance', () => {
    const log = plannedLog().submit('task-2', { phase: 'explore' }).claim('task-2').fence('task-2')
    const { facts } = log
    for (let seq = 1; seq <= 1_000; seq++)
      log.say('phase.started', { phase: 'explore', attempt: 1, turn: seq }, 'task-2')
    const small = facts.splice(-1_000)
    let state: SpecState | undefined = log.spec
    const begun = performance.now()
    for (let index = 0; index < 100_000; index++) {
      const fact = small[index % small.length]
      if (fact !== undefined) state = fold(state, { ...fact, seq: 1_001 + index } as typeof fact, 10_000 + index)
    }
    expect(performance.now() - begun).toBeLessThan(5_000)
    expect(state === undefined ? 0 : runOf(state, 'task-2')?.lastSeq).toBe(101_000)
  })
})
