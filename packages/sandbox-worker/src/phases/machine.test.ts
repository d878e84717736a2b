import { APPROVAL_GATES, PHASES } from '@specfleet/shared'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_ATTEMPTS, nextStep } from './machine.ts'

describe('nextStep', () => {
  it('goes through the phases in their order', () => {
    expect(nextStep({ phase: 'explore', passed: true, attempt: 1 }, 'auto')).toEqual({
      do: 'enter',
      phase: 'requirements',
    })
    expect(nextStep({ phase: 'sync', passed: true, attempt: 1 }, 'auto')).toEqual({ do: 'finish' })
  })

  it('tries a phase three times', () => {
    expect(nextStep({ phase: 'design', passed: false, attempt: 1 }, 'auto')).toEqual({
      do: 'retry',
      phase: 'design',
      attempt: 2,
    })
    expect(nextStep({ phase: 'design', passed: false, attempt: MAX_ATTEMPTS }, 'auto')).toEqual({
      do: 'give-up',
      phase: 'design',
    })
  })

  it('does not compute the same sync again', () => {
    expect(nextStep({ phase: 'sync', passed: false, attempt: 1 }, 'auto')).toEqual({ do: 'give-up', phase: 'sync' })
  })

  it('waits for a person behind the gates of the task only', () => {
    expect(nextStep({ phase: 'design', passed: true, attempt: 2 }, ['design'])).toEqual({
      do: 'await-approval',
      phase: 'design',
    })
    expect(nextStep({ phase: 'requirements', passed: true, attempt: 1 }, ['design'])).toEqual({
      do: 'enter',
      phase: 'design',
    })
  })

  it('always ends', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.boolean()), fc.subarray([...APPROVAL_GATES]), (verdicts, approval) => {
        let phase: (typeof PHASES)[number] = 'explore'
        let attempt = 1
        for (let steps = 0; steps < PHASES.length * MAX_ATTEMPTS + 1; steps++) {
          const next = nextStep({ phase, passed: verdicts.next().value, attempt }, approval)
          if (next.do === 'enter') [phase, attempt] = [next.phase, 1]
          else if (next.do === 'retry') attempt = next.attempt
          else return true
        }
        return false
      }),
    )
  })
})
