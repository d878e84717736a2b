import { describe, expect, it } from 'vitest'
import { resumePoint } from './resume.ts'
import { RUN, SPEC, SpecLog, usageOf, verdict } from './spec-log.fixture.ts'

const pointOf = (log: SpecLog) => {
  const point = resumePoint(log.state, log.run().runId)
  if (point === undefined) throw new Error('the run is not known')
  return point
}

describe('the point where a run goes on', () => {
  it('is unknown for a run that was not claimed', () => {
    const { runId } = new SpecLog().submit().claim().run()
    expect(resumePoint(undefined, runId)).toBeUndefined()
    expect(resumePoint(new SpecLog().submit().state, runId)).toBeUndefined()
  })

  it('names phase, attempts, outputs and conversation', () => {
    const log = new SpecLog().submit().claim().fence().complete('explore', RUN, 4)
    log.say('phase.evaluated', verdict('requirements', 1, 6))
    expect(pointOf(log)).toMatchObject({
      phase: 'requirements',
      failedAttempts: 1,
      conversation: 'requirements',
      turnsSoFar: 6,
      usage: usageOf(2),
    })
    expect(Object.keys(pointOf(log).outputs)).toEqual(['explore'])
  })

  it('counts turns of an epoch up to the fence behind it', () => {
    const log = new SpecLog().submit().claim().fence(RUN, 0).fence(RUN, 17).fence(RUN, 40)
    expect(pointOf(log).turnLimits).toEqual(
      new Map([
        [1, 17],
        [2, 40],
      ]),
    )
  })

  it('counts no turn about a plan that was dropped, and passes on why', () => {
    const log = new SpecLog()
      .submit('task-1', { approval: ['requirements'] })
      .claim()
      .fence()
      .fence(RUN, 9)
    log
      .complete('explore')
      .complete('requirements')
      .command({ command: 'reject', specId: SPEC, reason: 'name the currency' })
    log.fence(RUN, 30)
    expect(pointOf(log)).toMatchObject({ phase: 'requirements', failedAttempts: 0, feedback: 'name the currency' })
    expect(pointOf(log).turnLimits).toEqual(
      new Map([
        [1, 0],
        [2, 0],
      ]),
    )
  })

  it('has one conversation where the agent drives', () => {
    const log = new SpecLog()
      .submit('task-1', { kind: 'prompt', requireSpecSkill: true })
      .claim()
      .fence()
      .complete('explore')
    expect(pointOf(log)).toMatchObject({ conversation: 'prompt', phase: 'requirements' })
    const plain = new SpecLog().submit('task-1', { kind: 'prompt' }).claim().fence()
    expect(pointOf(plain)).toMatchObject({ conversation: 'plain' })
    expect(pointOf(plain)).not.toHaveProperty('phase')
  })

  it('takes the best total that the log knows for what was spent', () => {
    const log = new SpecLog().submit().claim().fence().complete('explore').complete('requirements')
    expect(pointOf(log).usage.turns).toBe(4)
    log.say('run.delivered', { outcome: 'drained', usage: usageOf(7) })
    expect(pointOf(log)).toMatchObject({ usage: usageOf(7), turnsSoFar: 7 })
    log.fence().complete('design')
    expect(pointOf(log).usage).toEqual(usageOf(7))
    expect(log.spec.usage).toEqual(usageOf(7))
  })
})
