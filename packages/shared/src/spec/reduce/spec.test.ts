import { describe, expect, it } from 'vitest'
import { runDemand } from '../demand.ts'
import { plannedLog, RUN, SPEC, SpecLog, usageOf } from '../spec-log.fixture.ts'

describe('an edit', () => {
  it('drops what the phase and later ones produced, and withdraws the tickets', () => {
    const log = plannedLog().command({ command: 'edit', specId: SPEC, text: '# Less', from: 'design' })
    expect(log.spec).toMatchObject({ lifecycle: 'scoping', text: '# Less', revision: 2, progress: { phase: 'design' } })
    expect(Object.keys(log.spec.results)).toEqual(['explore', 'requirements'])
    expect(Object.values(log.spec.tickets).map(({ status }) => status)).toEqual(
      Object.keys(log.spec.tickets).map(() => 'withdrawn'),
    )
  })

  it('makes the same tickets again under the same ids', () => {
    const log = plannedLog()
    const before = log.spec.tickets
    log.command({ command: 'rerun', specId: SPEC, from: 'tasks' }).fence().complete('tasks').complete('sync')
    expect(log.spec.tickets).toEqual(before)
  })

  it('voids what the running epoch says of phases', () => {
    const log = new SpecLog().submit().claim().fence().complete('explore')
    log.command({ command: 'edit', specId: SPEC, text: '# Other' }).complete('explore')
    expect(log.spec).toMatchObject({ progress: { phase: 'explore' }, refused: { count: 0 } })
    log.fence().complete('explore')
    expect(log.spec).toMatchObject({ progress: { phase: 'requirements' } })
  })

  it('comes with a further task that brings another text, but not once tickets have begun', () => {
    const log = plannedLog().submit('task-2', { text: '# Orders' })
    expect(log.spec.lifecycle).toBe('planned')
    log.submit('task-3', { text: '# Orders and returns' })
    expect(log.spec).toMatchObject({
      lifecycle: 'scoping',
      text: '# Orders and returns',
      progress: { phase: 'explore' },
    })
    const late = plannedLog().by('integrator', 'ticket.queued', { ticketId: 'orders-TSK-001' })
    late.submit('task-2', { text: '# Other' }).claim('task-2')
    expect(late.spec).toMatchObject({ lifecycle: 'executing', text: '# Orders' })
    expect(late.spec.submissions['task-2']?.refused).toContain('TSK-001 is queued')
  })
})

describe('a plain prompt', () => {
  it('has a spec of its own, which is complete when its run is', () => {
    const log = new SpecLog().submit('task-1', { kind: 'prompt' }).claim().fence()
    expect(log.spec).toMatchObject({ lifecycle: 'executing', work: 'prompt' })
    log.say('run.delivered', { outcome: 'done', usage: usageOf(2) }).supervise('run.settled', { outcome: 'done' })
    expect(log.spec).toMatchObject({ lifecycle: 'completed', usage: usageOf(2) })
  })

  it('has no phases to speak of', () => {
    const log = new SpecLog().submit('task-1', { kind: 'prompt' }).claim().fence().complete('explore')
    expect(log.spec).toMatchObject({ results: {}, refused: { lastReason: 'a run of path plain has no phases' } })
  })
})

describe('the end', () => {
  it('is final: nothing but the bookkeeping of runs goes on behind it', () => {
    const log = new SpecLog().submit().claim().fence().command({ command: 'cancel', specId: SPEC, reason: 'no need' })
    log.complete('explore').submit('task-2').by('api', 'spec.resumed', {}).by('api', 'spec.edited', { from: 'explore' })
    expect(log.spec).toMatchObject({ lifecycle: 'cancelled', results: {}, refused: { count: 0 } })
    expect(log.spec.submissions['task-2']).toBeUndefined()
    expect(runDemand(log.spec, RUN)).toEqual({ kind: 'end', outcome: 'cancelled', reason: 'no need' })
    log.supervise('run.settled', { outcome: 'cancelled' })
    expect(log.run().settled).toEqual({ outcome: 'cancelled' })
  })

  it('may be archived, and then stays so', () => {
    const log = new SpecLog()
      .submit()
      .command({ command: 'cancel', specId: SPEC })
      .command({ command: 'archive', specId: SPEC })
    expect(log.spec).toMatchObject({ lifecycle: 'archived', from: 'cancelled' })
    expect(new SpecLog().submit().by('api', 'spec.archived', {}).spec.lifecycle).toBe('backlog')
  })
})
