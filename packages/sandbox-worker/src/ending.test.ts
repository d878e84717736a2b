import { causeOfExit, SpecfleetError, WORKER_EXIT } from '@specfleet/shared'
import { describe, expect, it } from 'vitest'
import { endingOfError, exitCodeOf } from './ending.ts'

const causeAfter = (thrown: unknown) =>
  causeOfExit({
    code: exitCodeOf(endingOfError(thrown)),
    signal: null,
    oom: false,
    pids: false,
    output: false,
    wallClock: false,
    logTail: [],
  })

describe('an error that ends the worker', () => {
  it('is told to the orchestrator by the exit code', () => {
    expect(causeAfter(new SpecfleetError('sandbox.disk-full', '/workspace'))).toEqual({ kind: 'disk' })
    expect(causeAfter(new SpecfleetError('bus.unreachable', 'gone'))).toEqual({ kind: 'bus-cut' })
    expect(causeAfter(new SpecfleetError('sandbox-env.invalid', 'SPEC_ID'))).toEqual({ kind: 'configuration' })
    expect(causeAfter(new Error('a bug'))).toEqual({ kind: 'exit', code: WORKER_EXIT.failed })
  })
})
