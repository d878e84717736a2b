import { describe, expect, it } from 'vitest'
import { RUN, SpecLog, usageOf } from '../spec-log.fixture.ts'

const begun = () => new SpecLog().submit().claim().fence()
const OOM = { cause: { kind: 'oom' as const }, logTail: ['out of memory'] }

describe('a run', () => {
  it('is claimed once, for a task that was submitted', () => {
    const log = begun().claim()
    expect(log.spec.runs).toHaveLength(1)
    log.by('intake', 'run.claimed', { taskId: 'task-9', kind: 'spec', owner: 'o' }, { runId: 'task-9' })
    expect(log.spec.runs).toHaveLength(1)
    expect(log.run()).toMatchObject({ epoch: 1, path: 'phases', owner: 'orchestrator-1' })
  })

  it('begins each epoch afresh, and never goes back to an earlier one', () => {
    const log = begun().say('run.ready', { bootMs: 40, worker: '0.1.0', path: 'phases' })
    log.say('run.delivered', { outcome: 'drained', usage: usageOf(1) }).fence(RUN, 12)
    expect(log.run()).toMatchObject({
      epoch: 2,
      lastSeq: 0,
      ready: false,
      fences: [{ epoch: 1 }, { epoch: 2, turnsUpTo: 12 }],
    })
    expect(log.run().delivered).toBeUndefined()
    log.by('supervisor', 'run.fenced', { owner: 'orchestrator-2', turnsUpTo: 99 }, { runId: RUN, epoch: 2 })
    log.by('supervisor', 'run.fenced', { owner: 'orchestrator-2', turnsUpTo: 99 }, { runId: RUN, epoch: 1 })
    expect(log.run()).toMatchObject({ epoch: 2, owner: 'orchestrator-1' })
  })

  it('keeps the cause of each death once, also when it is found behind the next fence', () => {
    const log = begun().supervise('run.lost', OOM).supervise('run.lost', OOM)
    expect(log.run()).toMatchObject({ causes: [{ kind: 'oom' }], lostUpTo: 1 })
    log.fence().fence().by('supervisor', 'run.lost', OOM, { runId: RUN, epoch: 2 })
    expect(log.run()).toMatchObject({ causes: [{ kind: 'oom' }, { kind: 'oom' }], lostUpTo: 2 })
  })

  it('is taken over by another orchestrator in its epoch', () => {
    const log = begun()
    const take = { from: 'orchestrator-1', to: 'orchestrator-2' }
    log.by('supervisor', 'run.adopted', take, { runId: RUN, epoch: 7 })
    expect(log.run().owner).toBe('orchestrator-1')
    log.by('supervisor', 'run.adopted', take, { runId: RUN, epoch: 1 })
    expect(log.run().owner).toBe('orchestrator-2')
  })

  it('counts what its sandboxes were refused, by refuser, in any epoch and behind its end, each fact once', () => {
    const log = begun().fence()
    const refuse = (by: 'bus' | 'desk', count: number, lastReason: string, epoch: number) =>
      log.by('supervisor', 'run.refused', { by, count, lastReason }, { runId: RUN, epoch })
    refuse('bus', 2, 'first', 2)
    refuse('desk', 1, 'not yours', 2)
    log.supervise('run.settled', { outcome: 'done' })
    refuse('bus', 3, 'second', 1)
    const counted = { bus: { count: 5, lastReason: 'second' }, desk: { count: 1, lastReason: 'not yours' } }
    expect(log.run().refusals?.by).toEqual(counted)
    const last = log.facts.at(-1)
    if (last !== undefined) log.append(last)
    expect(log.run().refusals?.by).toEqual(counted)
  })

  it('is neither parked nor settled by who still speaks of an earlier epoch', () => {
    const log = begun().fence()
    log.by('supervisor', 'run.parked', { causes: [], reason: 'late' }, { runId: RUN, epoch: 1 })
    log.by('supervisor', 'run.settled', { outcome: 'failed' }, { runId: RUN, epoch: 1 })
    expect(log.run().parked).toBeUndefined()
    expect(log.run().settled).toBeUndefined()
    // Its fence may not have come into the log.
    log.by('supervisor', 'run.parked', { causes: [], reason: 'no engine' }, { runId: RUN, epoch: 3 })
    expect(log.run().parked).toEqual({ reason: 'no engine' })
  })

  it('is settled once and for all', () => {
    const log = begun().supervise('run.settled', { outcome: 'failed', reason: 'no source' })
    log.supervise('run.settled', { outcome: 'done' }).fence().supervise('run.lost', OOM)
    log.supervise('run.parked', { causes: [], reason: 'late' })
    expect(log.run()).toMatchObject({ settled: { outcome: 'failed', reason: 'no source' }, epoch: 1, causes: [] })
    expect(log.run().parked).toBeUndefined()
  })
})
