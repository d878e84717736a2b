import { describe, expect, it } from 'vitest'
import { PHASES } from '../contract/phase.ts'
import { runDemand } from './demand.ts'
import { saying } from './legality.fixture.ts'
import { fold, foldRefused } from './reduce.ts'
import { completion, factOf, plannedLog, RUN, SPEC, SpecLog, usageOf, verdict } from './spec-log.fixture.ts'
import { runOf, SpecState } from './state.ts'

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
    log
      .by('integrator', 'ticket.queued', { ticketId })
      .by('supervisor', 'ticket.started', { ticketId }, { runId: 't-1' })
    log.say('ticket.delivered', { ticketId }, 't-2').say('ticket.delivered', { ticketId })
    expect(log.spec.refused.count).toBe(2)
    expect(log.spec.tickets[ticketId]?.status).toBe('started')
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
