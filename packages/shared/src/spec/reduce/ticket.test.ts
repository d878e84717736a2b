import { describe, expect, it } from 'vitest'
import { plannedLog, SPEC } from '../spec-log.fixture.ts'

describe('tickets', () => {
  it('go from the queue to validation, and the spec is complete with the last one', () => {
    const log = plannedLog().submit('t-1', { kind: 'ticket' }).claim('t-1').fence('t-1')
    const ids = Object.keys(log.spec.tickets)
    for (const ticketId of ids) {
      log.by('integrator', 'spec.completed', {})
      expect(log.spec.lifecycle).not.toBe('completed')
      log
        .by('integrator', 'ticket.queued', { ticketId })
        .by('supervisor', 'ticket.started', { ticketId }, { runId: 't-1' })
      log.say('ticket.delivered', { ticketId, commit: 'abc' }, 't-1')
      log
        .by('integrator', 'ticket.merged', { ticketId, commit: 'def' })
        .by('integrator', 'ticket.validated', { ticketId })
    }
    log.by('integrator', 'spec.completed', {})
    expect(log.spec.lifecycle).toBe('completed')
    expect(Object.values(log.spec.tickets)).toMatchObject(ids.map(() => ({ status: 'validated', commit: 'def' })))
  })

  it('skip no step, and are delivered by their own run alone', () => {
    const ticketId = 'orders-TSK-001'
    const log = plannedLog().submit('t-1', { kind: 'ticket' }).claim('t-1').fence('t-1')
    log.submit('t-2', { kind: 'ticket' }).claim('t-2').fence('t-2')
    log.by('integrator', 'ticket.merged', { ticketId })
    expect(log.spec.lifecycle).toBe('planned')
    log.by('integrator', 'ticket.queued', { ticketId }).by('integrator', 'ticket.merged', { ticketId })
    expect(log.spec.tickets[ticketId]?.status).toBe('queued')
    log
      .by('integrator', 'ticket.queued', { ticketId })
      .by('supervisor', 'ticket.started', { ticketId }, { runId: 't-1' })
    log.say('ticket.delivered', { ticketId }, 't-2').say('ticket.delivered', { ticketId })
    expect(log.spec.refused.count).toBe(2)
    expect(log.spec.tickets[ticketId]?.status).toBe('started')
  })

  it('stay as they were when their spec is given up', () => {
    const ticketId = 'orders-TSK-001'
    const log = plannedLog()
      .by('integrator', 'ticket.queued', { ticketId })
      .command({ command: 'cancel', specId: SPEC })
    log.by('supervisor', 'ticket.started', { ticketId }).by('integrator', 'ticket.failed', { ticketId, reason: 'late' })
    expect(log.spec.tickets[ticketId]?.status).toBe('queued')
  })
})
