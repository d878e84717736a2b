import { describe, expect, it } from 'vitest'
import { PHASES } from '../../contract/phase.ts'
import { completion, RUN, SPEC, SpecLog, usageOf, verdict } from '../spec-log.fixture.ts'

const OOM = { cause: { kind: 'oom' as const }, logTail: [] }

describe('a spec on its way to a plan', () => {
  it('leaves the backlog when its run is claimed, and is planned when every phase is done', () => {
    const log = new SpecLog().submit()
    expect(log.spec.lifecycle).toBe('backlog')
    log.claim().fence()
    for (const phase of PHASES) {
      expect(log.spec).toMatchObject({ lifecycle: 'scoping', progress: { phase } })
      log.complete(phase)
    }
    expect(log.spec.lifecycle).toBe('planned')
    expect(Object.values(log.spec.tickets)).toMatchObject([
      { ticketId: 'orders-TSK-001', specId: SPEC, status: 'planned', layer: 'L0', role: 'developer' },
      { ticketId: 'orders-TSK-002', specId: SPEC, status: 'planned', dependsOn: ['orders-TSK-001'] },
      { ticketId: 'orders-TSK-003', specId: SPEC, status: 'planned', layer: 'L3', role: 'qa' },
    ])
  })

  it('keeps normalised outputs with the score it computed itself', () => {
    const log = new SpecLog()
      .submit()
      .claim()
      .fence()
      .say('phase.completed', { ...completion('explore'), score: 0.123 })
    const { explore } = log.spec.results
    expect(explore?.output).toMatchObject({ v: 1, projectType: 'TypeScript service' })
    expect(explore?.score).toBeGreaterThan(0.7)
    expect(explore?.runId).toBe(RUN)
  })

  it('refuses an output that fails a gate, and one of a phase that is not next', () => {
    const log = new SpecLog().submit().claim().fence().complete('explore')
    const { output, ...rest } = completion('requirements')
    log.say('phase.completed', { ...rest, output: { requirements: [{ id: 'REQ-001', text: 'be good' }] } })
    expect(log.spec.refused.lastReason).toContain('valid-ears')
    log.complete('tasks')
    expect(log.spec.refused).toEqual({
      count: 2,
      lastReason: 'phase.completed of tasks, which is not the phase to be done',
    })
    expect(log.spec).toMatchObject({ lifecycle: 'scoping', progress: { phase: 'requirements' } })
    log.say('phase.completed', { ...rest, output })
    expect(log.spec).toMatchObject({ progress: { phase: 'design' } })
  })

  it('computes sync itself, whatever a worker hands over for it', () => {
    const log = new SpecLog().submit().claim().fence()
    for (const phase of PHASES.slice(0, 4)) log.complete(phase)
    log.say('phase.completed', { ...completion('sync'), output: { ready: false, blockers: ['none of your business'] } })
    expect(log.spec.results.sync?.output).toMatchObject({ ready: true, blockers: [], specId: SPEC })
  })

  it('starts in the middle with the outputs that came with the task', () => {
    const given = { explore: completion('explore').output, requirements: completion('requirements').output }
    const log = new SpecLog().submit('task-1', { phase: 'design', context: given, approval: ['requirements'] }).claim()
    expect(log.spec).toMatchObject({ lifecycle: 'scoping', progress: { phase: 'design' } })
    expect(log.spec.results.requirements).toMatchObject({ runId: null, attempts: 0 })
    const bad = new SpecLog().submit('task-1', { context: { explore: 'rubbish' } }).claim()
    expect(bad.spec).toMatchObject({ progress: { phase: 'explore' }, refused: { count: 1 } })
  })

  it('counts failed evaluations of a phase over epochs, and fails when the worker gives up', () => {
    const log = new SpecLog().submit().claim().fence().say('phase.evaluated', verdict('explore', 1))
    log.supervise('run.lost', OOM).fence().say('phase.evaluated', verdict('explore', 1))
    log.say('phase.evaluated', verdict('explore', 2))
    expect(log.spec).toMatchObject({ progress: { evaluations: [{ attempt: 1 }, { attempt: 2 }] } })
    log.say('phase.failed', { phase: 'explore', attempts: 3, turn: 3, reason: 'no summary', usage: usageOf(3) })
    expect(log.spec).toMatchObject({ lifecycle: 'failed', stage: 'planning', phase: 'explore', reason: 'no summary' })
    log.command({ command: 'retry', specId: SPEC })
    expect(log.spec).toMatchObject({
      lifecycle: 'scoping',
      progress: { phase: 'explore', attempt: 0, evaluations: [] },
    })
  })

  it('fails when its run ends without a plan', () => {
    const log = new SpecLog()
      .submit()
      .claim()
      .fence()
      .supervise('run.settled', { outcome: 'failed', reason: 'no source' })
    expect(log.spec).toMatchObject({ lifecycle: 'failed', stage: 'planning', reason: 'no source' })
  })
})

describe('an approval', () => {
  const waiting = () => plannedLogTo('requirements')
  const plannedLogTo = (last: (typeof PHASES)[number]) => {
    const log = new SpecLog()
      .submit('task-1', { approval: ['requirements', 'tasks'] })
      .claim()
      .fence()
    for (const phase of PHASES.slice(0, PHASES.indexOf(last) + 1)) log.complete(phase)
    return log
  }

  it('is awaited behind its phase, and no worker leads past it', () => {
    const log = waiting().complete('design')
    expect(log.spec).toMatchObject({ lifecycle: 'awaiting-approval', gate: 'requirements', refused: { count: 1 } })
    expect(log.spec.results.design).toBeUndefined()
  })

  it('leads on to the next phase', () => {
    const log = waiting().command({ command: 'approve', specId: SPEC, who: 'ada' }).complete('design')
    expect(log.spec).toMatchObject({ lifecycle: 'scoping', progress: { phase: 'tasks' } })
    expect(log.spec.approvals.requirements).toMatchObject({ who: 'ada' })
  })

  it('that is refused has the phase done again, with the reason, by a new epoch', () => {
    const log = waiting().command({ command: 'reject', specId: SPEC, reason: 'name the currency' })
    expect(log.spec).toMatchObject({
      lifecycle: 'scoping',
      progress: { phase: 'requirements', feedback: 'name the currency' },
    })
    expect(log.spec.results.requirements).toBeUndefined()
    log.complete('requirements')
    expect(log.spec.lifecycle).toBe('scoping')
    log.fence().complete('requirements')
    expect(log.spec).toMatchObject({ lifecycle: 'awaiting-approval', gate: 'requirements' })
  })

  it('is awaited anew when its phase was done anew', () => {
    const log = waiting().command({ command: 'approve', specId: SPEC })
    log
      .command({ command: 'rerun', specId: SPEC, from: 'explore' })
      .fence()
      .complete('explore')
      .complete('requirements')
    expect(log.spec).toMatchObject({ lifecycle: 'awaiting-approval', gate: 'requirements', approvals: {} })
  })

  it('is not lost by a failure in between', () => {
    const log = waiting()
      .by('supervisor', 'spec.failed', { reason: 'disk full' })
      .command({ command: 'retry', specId: SPEC })
    expect(log.spec).toMatchObject({ lifecycle: 'awaiting-approval', gate: 'requirements' })
  })

  it('counts for the result it was given to: a rejection read twice does not reject the next one', () => {
    const log = waiting().command({ command: 'reject', specId: SPEC, reason: 'vague' })
    const rejection = log.facts.at(-1)
    log.fence().complete('requirements')
    if (rejection !== undefined) log.append(rejection)
    expect(log.spec.lifecycle).toBe('awaiting-approval')
  })
})
