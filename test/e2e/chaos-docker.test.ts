import { beforeEach, describe, expect, test } from 'vitest'
import { parsePoint } from '../../packages/chaos/src/points/point.ts'
import { runTrial } from '../../packages/chaos/src/trial.ts'
import { skipWithoutDocker } from '../../packages/testkit/src/docker.ts'

const SEED = 7
/** An undisturbed run comes before the first; each trial starts an engine of its own. */
const TEST_LIMIT_MS = 300_000
const TRIAL_LIMIT_MS = 180_000
/** One that waits for a person, and one that is paused. */
const JOBS = 2
/** What is started while the engine is away is tried for longer than that takes. */
const PATIENT = { ATTEMPT_LIMIT: '10', BACKOFF_LONGEST_MS: '1000' }

/** A sandbox is lost in four ways: by itself, with its container, with its engine, and with whoever watches over it. */
const FIXED = [
  ['worker', 'worker/turn#2 after'],
  ['sandbox', 'gateway/answer#3 before'],
  ['engine', 'worker/fact/phase.completed#2 before'],
  ['orchestrator', 'supervisor/record/starting after'],
] as const

describe('a fleet that works in containers comes to the same end', () => {
  beforeEach(skipWithoutDocker)

  test.each(FIXED)('when %s is struck at %s', { timeout: TEST_LIMIT_MS }, async (victim, point) => {
    const at = { kind: 'point', point: parsePoint(point) } as const
    const env = { SPECFLEET_PROVIDER: 'docker', ...PATIENT }
    const outcome = await runTrial({ seed: SEED, victim, at }, { env, jobs: JOBS, limitMs: TRIAL_LIMIT_MS })
    expect(outcome.violations).toEqual([])
    expect(outcome.skipped).toBeUndefined()
    expect(outcome.turnsPaidTwice).toBeLessThanOrEqual(1)
  })
})
