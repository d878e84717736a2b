import { describe, expect, it } from 'vitest'
import { samplePlan } from '../../../shared/src/planning/sample-plan.fixture.ts'
import { HandIns } from './hand-ins.ts'
import { Progress } from './progress.ts'

const call = (input: unknown, id = 'call-1') => ({ id, name: 'hand_in', input })
const open = (phase: 'explore' | 'tasks', approval: 'auto' | 'explore'[] = 'auto') => {
  const progress = new Progress({ phase, failedAttempts: 0, outputs: {} }, approval === 'auto' ? 'auto' : [])
  return { progress, handIns: new HandIns(progress, { pathExists: (path) => path !== 'src/missing.ts' }) }
}

describe('HandIns', () => {
  it('accepts what passes, and says what is next', () => {
    const { handIns, progress } = open('explore')
    const answer = handIns.receive('explore', call(samplePlan().explore))
    expect(answer).toMatchObject({ isError: false, content: expect.stringMatching(/^accepted.*hand_in_requirements/) })
    expect(progress).toMatchObject({ phase: 'requirements', attempt: 1 })
    expect(handIns.takeVerdicts()).toMatchObject([{ callId: 'call-1', phase: 'explore', attempt: 1, passed: true }])
    expect(handIns.takeVerdicts()).toEqual([])
  })

  it('rejects what fails a gate, with the fault, and gives up after the third attempt', () => {
    const { handIns, progress } = open('explore')
    const wrong = { ...samplePlan().explore, key_files: [{ path: 'src/missing.ts', purpose: 'x' }] }
    const answers = [1, 2, 3, 4].map(() => handIns.receive('explore', call(wrong)))
    expect(answers[0]).toMatchObject({
      isError: true,
      content: expect.stringMatching(/^rejected\n.*src\/missing\.ts/s),
    })
    expect(answers[2]?.content).toContain('No attempt is left')
    expect(answers[3]?.content).toContain('nothing is to be handed in')
    expect(progress.step).toEqual({ do: 'give-up', phase: 'explore' })
    expect(handIns.takeVerdicts().map(({ attempt }) => attempt)).toEqual([1, 2, 3])
  })

  it('counts what cannot be read as an attempt', () => {
    const { handIns } = open('explore')
    expect(handIns.receive('explore', call('prose'))).toMatchObject({ isError: true })
    expect(handIns.takeVerdicts()).toMatchObject([{ passed: false, gates: [{ gate: 'schema' }] }])
  })

  it('does not count what is handed in out of turn', () => {
    const { handIns } = open('explore')
    expect(handIns.receive('tasks', call({}))).toMatchObject({
      isError: true,
      content: expect.stringContaining('explore is next'),
    })
    expect(handIns.takeVerdicts()).toEqual([])
  })
})
