import { describe, expect, it } from 'vitest'
import type { Command } from '../contract/api.ts'
import { type Decision, decide } from './decide.ts'
import { plannedLog, RUN, SPEC, SpecLog, usageOf } from './spec-log.fixture.ts'

type Asked = Command extends infer C ? (C extends Command ? Omit<C, 'specId'> : never) : never
const ask = (log: SpecLog, command: Asked): Decision => decide(log.state, { ...command, specId: SPEC } as Command)
const refusal = (decision: Decision): string => (decision.ok ? 'it was allowed' : decision.message)

describe('decide', () => {
  it('knows no spec without a log', () => {
    expect(ask(new SpecLog(), { command: 'pause' })).toMatchObject({ ok: false, code: 'spec.unknown' })
  })

  it('pauses once, and resumes what is paused', () => {
    const log = new SpecLog().submit().claim().fence()
    expect(refusal(ask(log, { command: 'resume' }))).toContain('it is neither paused nor parked nor failed')
    expect(ask(log, { command: 'pause', who: 'ada' })).toEqual({
      ok: true,
      facts: [{ type: 'spec.paused', data: { who: 'ada' } }],
      control: 'pause',
    })
    log.command({ command: 'pause', specId: SPEC })
    expect(refusal(ask(log, { command: 'pause' }))).toBe('cannot pause orders: it is paused already')
    expect(ask(log, { command: 'resume' })).toEqual({ ok: true, facts: [{ type: 'spec.resumed', data: {} }] })
  })

  it('retries what has failed or is parked, and nothing else', () => {
    const log = new SpecLog().submit().claim().fence()
    expect(refusal(ask(log, { command: 'retry' }))).toContain('nothing of it has failed or is parked')
    log.supervise('run.parked', { causes: [{ kind: 'oom' }], reason: 'out of memory, five times' })
    expect(refusal(ask(log, { command: 'resume' }))).toContain('retry it')
    expect(ask(log, { command: 'retry' })).toEqual({ ok: true, facts: [{ type: 'spec.resumed', data: {} }] })
    log.command({ command: 'retry', specId: SPEC })
    expect(log.run().parked).toBeUndefined()
  })

  it('asks for the task to be queued again when no run is left to go on', () => {
    const log = new SpecLog()
      .submit()
      .claim()
      .fence()
      .supervise('run.settled', { outcome: 'failed', reason: 'no source' })
    expect(ask(log, { command: 'retry' })).toMatchObject({ ok: true, requeue: RUN })
    log.submit('task-2')
    expect(ask(log, { command: 'retry' })).not.toHaveProperty('requeue')
    const planned = plannedLog().supervise('run.settled', { outcome: 'done' })
    expect(ask(planned, { command: 'rerun', from: 'design' })).toMatchObject({
      ok: true,
      control: 'pause',
      requeue: RUN,
    })
    const prompt = new SpecLog().submit('task-1', { kind: 'prompt' }).claim().fence()
    prompt.supervise('run.settled', { outcome: 'failed' })
    expect(ask(prompt, { command: 'retry' })).toMatchObject({ ok: true, requeue: RUN })
  })

  it('queues it again when that was lost behind the last command', () => {
    for (const kind of ['spec', 'prompt'] as const) {
      const log = new SpecLog().submit('task-1', { kind }).claim().fence()
      log.supervise('run.settled', { outcome: 'failed' }).command({ command: 'retry', specId: SPEC })
      expect(ask(log, { command: 'retry' })).toEqual({ ok: true, facts: [], requeue: RUN })
      log.submit('task-2', { kind }).claim('task-2')
      expect(refusal(ask(log, { command: 'retry' }))).toContain('nothing of it has failed')
    }
  })

  it('approves and rejects the gate that waits', () => {
    const log = new SpecLog()
      .submit('task-1', { approval: ['requirements'] })
      .claim()
      .fence()
    expect(refusal(ask(log, { command: 'approve' }))).toContain('it awaits no approval: it is scoping')
    log.complete('explore').complete('requirements')
    expect(refusal(ask(log, { command: 'approve', gate: 'design' }))).toContain(
      'of its requirements, not of its design',
    )
    expect(ask(log, { command: 'approve' })).toMatchObject({
      facts: [{ type: 'spec.approved', data: { gate: 'requirements' } }],
    })
    expect(ask(log, { command: 'reject', reason: 'vague' })).toMatchObject({
      facts: [{ type: 'spec.rejected', data: { gate: 'requirements', reason: 'vague' } }],
    })
  })

  it('edits and reruns no further than the spec has come, and no plan that is being executed', () => {
    const log = new SpecLog().submit().claim().fence().complete('explore')
    expect(refusal(ask(log, { command: 'rerun', from: 'tasks' }))).toContain('the next phase is requirements')
    expect(ask(log, { command: 'edit', text: '# Less' })).toMatchObject({
      facts: [{ type: 'spec.edited', data: { text: '# Less', from: 'explore' } }],
      control: 'pause',
    })
    const begun = plannedLog().by('integrator', 'ticket.queued', { ticketId: 'orders-TSK-001' })
    expect(refusal(ask(begun, { command: 'edit', text: '# Less' }))).toContain('ticket TSK-001 is queued')
    const prompt = new SpecLog().submit('task-1', { kind: 'prompt' })
    expect(refusal(ask(prompt, { command: 'rerun', from: 'explore' }))).toContain('it has no phases')
  })

  it('cancels what has not ended, and archives what has', () => {
    const log = new SpecLog().submit()
    expect(refusal(ask(log, { command: 'archive' }))).toContain('cancel it first')
    log.command({ command: 'cancel', specId: SPEC })
    expect(refusal(ask(log, { command: 'cancel' }))).toContain('it is cancelled')
    log.command({ command: 'archive', specId: SPEC })
    expect(refusal(ask(log, { command: 'archive' }))).toContain('archived already')
  })

  it('steers a worker that is at work, without a fact of its own', () => {
    const log = new SpecLog().submit().claim()
    expect(refusal(ask(log, { command: 'steer', text: 'look at src' }))).toContain('no worker is at work')
    log.fence()
    expect(ask(log, { command: 'steer', text: 'look at src' })).toEqual({ ok: true, facts: [], control: 'steer' })
    log.say('run.delivered', { outcome: 'drained', usage: usageOf(1) })
    expect(ask(log, { command: 'steer', text: 'look at src' }).ok).toBe(false)
  })
})
