import { describe, expect, it } from 'vitest'
import { type Demand, runDemand } from './demand.ts'
import { plannedLog, RUN, SPEC, SpecLog, usageOf, verdict } from './spec-log.fixture.ts'

const demandOf = (log: SpecLog, runId: string = RUN): Demand => runDemand(log.state, log.run(runId).runId)
const working = () =>
  new SpecLog()
    .submit('task-1', { approval: ['requirements'] })
    .claim()
    .fence()

describe('what should be true of a run', () => {
  it('is work on the phase that is next', () => {
    expect(runDemand(undefined, new SpecLog().submit().claim().run().runId)).toEqual({ kind: 'work', stale: false })
    expect(demandOf(working())).toEqual({ kind: 'work', phase: 'explore', stale: false })
    expect(demandOf(working().complete('explore'))).toEqual({ kind: 'work', phase: 'requirements', stale: false })
  })

  it('is work again when the worker says failed, drained or cancelled but the log does not', () => {
    for (const outcome of ['failed', 'drained', 'cancelled', 'paused', 'done'] as const) {
      const log = working().say('run.delivered', { outcome, usage: usageOf(1) })
      expect(demandOf(log)).toEqual({ kind: 'work', phase: 'explore', stale: false })
    }
  })

  it('is to wait for an approval or the end of a pause', () => {
    const log = working().complete('explore').complete('requirements')
    expect(demandOf(log)).toEqual({ kind: 'hold', why: 'approval' })
    log.command({ command: 'pause', specId: SPEC })
    expect(demandOf(log)).toEqual({ kind: 'hold', why: 'paused' })
    log.command({ command: 'resume', specId: SPEC }).command({ command: 'approve', specId: SPEC })
    expect(demandOf(log)).toEqual({ kind: 'work', phase: 'design', stale: false })
  })

  it('is to replace a worker whose plan was dropped', () => {
    const log = working().complete('explore').command({ command: 'rerun', specId: SPEC, from: 'explore' })
    expect(demandOf(log)).toEqual({ kind: 'work', phase: 'explore', stale: true })
    expect(demandOf(log.fence())).toEqual({ kind: 'work', phase: 'explore', stale: false })
  })

  it('is the end when the plan stands, even while the spec is paused', () => {
    const log = plannedLog().command({ command: 'pause', specId: SPEC })
    expect(demandOf(log)).toEqual({ kind: 'end', outcome: 'done' })
  })

  it('is the end when a phase failed, until somebody retries', () => {
    const log = working().say('phase.failed', {
      phase: 'explore',
      attempts: 3,
      turn: 3,
      reason: 'no summary',
      usage: usageOf(3),
    })
    expect(demandOf(log)).toEqual({ kind: 'end', outcome: 'failed', reason: 'no summary' })
    log.command({ command: 'retry', specId: SPEC })
    expect(demandOf(log)).toEqual({ kind: 'work', phase: 'explore', stale: true })
  })

  it('is to be parked when its budget is spent, until somebody retries', () => {
    const log = working().say('run.delivered', { outcome: 'budget', reason: '5 dollars are spent', usage: usageOf(9) })
    expect(demandOf(log)).toEqual({ kind: 'parked', reason: '5 dollars are spent' })
    log.supervise('run.parked', { causes: [{ kind: 'budget' }], reason: 'budget' })
    expect(demandOf(log)).toEqual({ kind: 'parked', reason: 'budget' })
    log.command({ command: 'retry', specId: SPEC })
    expect(demandOf(log)).toEqual({ kind: 'work', phase: 'explore', stale: false })
    log.by('gateway', 'budget.exhausted', { limit: 'turns', used: 200 }, { runId: RUN, epoch: 1 })
    expect(demandOf(log)).toEqual({ kind: 'parked', reason: 'the budget of turns is spent' })
  })

  it('is what it was settled as, whatever comes later', () => {
    const log = plannedLog().supervise('run.settled', { outcome: 'done' })
    log.command({ command: 'rerun', specId: SPEC, from: 'explore' })
    expect(demandOf(log)).toEqual({ kind: 'end', outcome: 'done' })
  })

  it('follows the word of a plain prompt, but the log of one with the spec-driven skill', () => {
    const plain = new SpecLog().submit('task-1', { kind: 'prompt' }).claim().fence()
    expect(demandOf(plain)).toEqual({ kind: 'work', stale: false })
    plain.say('run.delivered', { outcome: 'done', usage: usageOf(1) })
    expect(demandOf(plain)).toEqual({ kind: 'end', outcome: 'done' })
    const driven = new SpecLog().submit('task-1', { kind: 'prompt', requireSpecSkill: true }).claim().fence()
    driven.say('run.delivered', { outcome: 'done', usage: usageOf(1) })
    expect(demandOf(driven)).toEqual({ kind: 'work', stale: false })
  })

  it('is the end for a task that came too late to change the plan', () => {
    const log = plannedLog().by('integrator', 'ticket.queued', { ticketId: 'orders-TSK-001' })
    log.submit('task-2', { text: '# Other' }).claim('task-2')
    expect(demandOf(log, 'task-2')).toMatchObject({ kind: 'end', outcome: 'failed' })
    log.submit('task-3').claim('task-3')
    expect(demandOf(log, 'task-3')).toEqual({ kind: 'end', outcome: 'done' })
  })

  it('is the end for what the log does not know, once the spec has ended', () => {
    const log = working().say('phase.evaluated', verdict('explore', 1)).command({ command: 'cancel', specId: SPEC })
    expect(demandOf(log)).toEqual({ kind: 'end', outcome: 'cancelled', reason: 'the spec is cancelled' })
    const unknown = new SpecLog().submit('task-9').claim('task-9').run('task-9').runId
    expect(runDemand(log.state, unknown)).toMatchObject({ kind: 'end', outcome: 'cancelled' })
  })
})
