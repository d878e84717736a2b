import { expect, test } from 'vitest'
import { type Clock, systemClock } from '../../packages/orchestrator/src/clock.ts'
import { deliver, type Script, workUntilTold } from '../../packages/testkit/src/scripted-worker.ts'
import { startFleet } from './orchestrator-fleet.ts'

const HOUR_MS = 3_600_000

/** The system's, on a machine whose wall clock somebody sets. */
function settableClock(): Clock & { setBy(ms: number): void } {
  let offMs = 0
  return {
    ...systemClock,
    now: () => new Date(Date.now() + offMs),
    setBy: (ms) => {
      offMs += ms
    },
  }
}

test.each([HOUR_MS, -HOUR_MS])(
  'a wall clock that is set by %i ms ends nobody and keeps nobody waiting',
  async (by) => {
    const clock = settableClock()
    const finish = Promise.withResolvers<void>()
    const waitsThenDelivers: Script = async (worker) => {
      worker.beat()
      await finish.promise
      return deliver(worker)
    }
    const dies: Script = async (worker) => {
      worker.beat()
      await worker.state({ type: 'run.ready', data: { bootMs: 1, worker: 'scripted', path: 'plain' } })
      return 1
    }
    await using fleet = await startFleet({
      clock,
      scriptOf: ({ labels }) =>
        labels.runId === 'steady'
          ? waitsThenDelivers
          : labels.runId === 'told'
            ? workUntilTold
            : labels.epoch === 1
              ? dies
              : deliver,
    })
    const backoff = { firstMs: 1_500, longestMs: 2_000, provenMs: 60_000, attemptLimit: 3 }
    const owner = await fleet.join({ backoff, stopGraceMs: 30_000 })
    const steady = fleet.factsOf('steady')
    const waits = fleet.factsOf('waits')
    const told = fleet.factsOf('told')
    for (const taskId of ['steady', 'waits', 'told'] as const) await fleet.submit({ kind: 'prompt', text: 'x', taskId })
    await Promise.all([steady.until('run.spawned'), told.until('run.ready'), waits.until('run.lost')])

    clock.setBy(by)
    const setAt = performance.now()
    // One begun and one adopted under the wrong clock, whose credentials the server judges by the right one.
    await fleet.submit({ kind: 'prompt', text: 'x', taskId: 'late', budget: { minutes: 1 } })
    expect((await fleet.factsOf('late').until('run.settled')).data.outcome).toBe('done')
    expect((await waits.until('run.settled')).data.outcome).toBe('done')
    expect(performance.now() - setAt).toBeLessThan(20_000)
    await fleet.api('command', { command: 'pause', specId: 'told' })
    expect((await told.until('run.delivered')).data.outcome).toBe('paused')

    const heir = await fleet.join({ backoff })
    await owner[Symbol.asyncDispose]()
    expect((await steady.until('run.adopted')).data.to).toBe(heir.id)
    finish.resolve()
    expect((await steady.until('run.settled')).data.outcome).toBe('done')
    expect(steady.types()).not.toContain('run.lost')
    expect(waits.types().filter((type) => type === 'run.fenced')).toHaveLength(2)
  },
  60_000,
)
