import { NO_USAGE, ResumeState } from '@specfleet/shared'
import { describe, expect, it } from 'vitest'
import { planned } from '../../../shared/src/planning/sample-plan.fixture.ts'
import { startOf } from './spec-run.ts'

const { explore, requirements, design, tasks, sync } = planned()
const resume = (state: Partial<ResumeState>): ResumeState =>
  ResumeState.parse({
    v: 1,
    task: {
      kind: 'spec',
      title: 'Orders',
      text: '# Orders',
      model: 'm',
      executionMode: 'exploration',
      requireSpecSkill: false,
      selectedSkill: 'spec-driven-dev',
      approval: 'auto',
      budget: {},
    },
    failedAttempts: 0,
    outputs: {},
    turns: [],
    turnsSoFar: 0,
    usage: NO_USAGE,
    source: null,
    upstream: 'fake',
    ...state,
  })

describe('startOf', () => {
  it('goes on where the desk says, with the outputs before that phase only', () => {
    const run = {
      resume: resume({ phase: 'design', failedAttempts: 2 }),
      earlier: { explore, requirements, design },
      firstPhase: 'explore' as const,
    }
    expect(startOf(run)).toEqual({ phase: 'design', failedAttempts: 2, outputs: { explore, requirements } })
  })

  it('else takes the first phase without an output, from where the environment begins', () => {
    const run = { resume: resume({}), earlier: { requirements }, firstPhase: 'requirements' as const }
    expect(startOf(run)).toMatchObject({ phase: 'design' })
  })

  it('has nothing to do when all is there', () => {
    const run = {
      resume: resume({}),
      earlier: { explore, requirements, design, tasks, sync },
      firstPhase: 'explore' as const,
    }
    expect(startOf(run)).toMatchObject({ phase: undefined })
  })

  it('refuses a phase without what it builds on', () => {
    const run = { resume: resume({}), earlier: {}, firstPhase: 'tasks' as const }
    expect(() => startOf(run)).toThrow(/tasks builds on requirements and design/)
    expect(() => startOf({ ...run, resume: resume({ phase: 'sync' }) })).toThrow(/sync builds on/)
  })
})
