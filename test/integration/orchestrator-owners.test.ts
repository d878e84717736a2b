import { setTimeout } from 'node:timers/promises'
import {
  BUCKETS,
  newTaskId,
  OrchestratorId,
  openRecords,
  RunId,
  RunRecord,
  SpecId,
  sandboxIdOf,
} from '@specfleet/shared'
import { expect, test } from 'vitest'
import { untilRecord } from '../../packages/testkit/src/fleet-waits.ts'
import { ScriptedEngine } from '../../packages/testkit/src/scripted-engine.ts'
import { deliver, type Script, workUntilTold } from '../../packages/testkit/src/scripted-worker.ts'
import { startFleet } from './orchestrator-fleet.ts'

const TASK = { kind: 'prompt', text: 'x', taskId: 'run', specId: 'spec' } as const
const first = sandboxIdOf(RunId.parse('run'), 1)

test('a dead owner leaves its runs to whoever reaches the engine: the same sandbox goes on', async () => {
  const finish = Promise.withResolvers<void>()
  const waitsThenDelivers: Script = async (worker) => {
    worker.beat()
    await finish.promise
    return deliver(worker)
  }
  await using fleet = await startFleet({ scriptOf: () => waitsThenDelivers })
  const owner = await fleet.join()
  await fleet.submit(TASK)
  const facts = fleet.factsOf('spec')
  await facts.until('run.spawned')
  const heir = await fleet.join()
  await owner[Symbol.asyncDispose]()
  expect((await facts.until('run.adopted')).data).toEqual({ from: owner.id, to: heir.id })
  finish.resolve()
  expect((await facts.until('run.settled')).data.outcome).toBe('done')
  expect(fleet.engine.requests.map(({ id }) => id)).toEqual([first])
})

test('whom nobody can adopt is fenced and begun again elsewhere, and destroyed by whoever finds it', async () => {
  await using fleet = await startFleet({ scriptOf: () => workUntilTold })
  await using elsewhere = new ScriptedEngine({
    busUrl: fleet.nats.url,
    engine: 'scripted:there',
    scriptOf: () => deliver,
  })
  const owner = await fleet.join()
  await fleet.submit(TASK)
  const facts = fleet.factsOf('spec')
  await facts.until('run.ready')
  await fleet.join({}, elsewhere)
  await owner[Symbol.asyncDispose]()
  expect((await facts.until('run.lost')).data.cause).toEqual({ kind: 'owner-lost' })
  expect((await facts.until('run.settled')).data.outcome).toBe('done')
  expect(elsewhere.requests.map(({ labels }) => labels.epoch)).toEqual([2])
  expect(fleet.engine.existing).toEqual([first])
  await fleet.join()
  await fleet.engine.untilGone('run')
})

test('an orphan goes by its labels, but not while its record may still be on its way', async () => {
  await using fleet = await startFleet({ scriptOf: () => () => new Promise(() => {}) })
  const orphan = (runId: string, expiresAt: Date) => ({
    id: sandboxIdOf(RunId.parse(runId), 1),
    labels: {
      fleet: 'test',
      specId: SpecId.parse('s'),
      runId: RunId.parse(runId),
      epoch: 1,
      expiresAt: expiresAt.toISOString(),
    },
    env: {},
    limits: { memoryMb: 64, diskMb: 16, cpus: 1, pids: 64, wallClockMinutes: 1, outputMb: 1 },
  })
  const engine = fleet.engine.provider()
  const { signal } = new AbortController()
  await engine.create(orphan('expired', new Date(Date.now() - 1)), signal)
  await engine.create(orphan('young', new Date(Date.now() + 60_000)), signal)
  await engine.create(orphan('soon', new Date(Date.now() + 500)), signal)
  await fleet.join()
  await fleet.engine.untilGone('expired')
  expect(fleet.engine.existing).toContain('young-1')
  await fleet.engine.untilGone('soon')
  expect(fleet.engine.existing).toEqual(['young-1'])
})

test('a drained orchestrator lets its workers come to a good end, and another goes on from there', async () => {
  await using fleet = await startFleet({ scriptOf: ({ labels }) => (labels.epoch === 1 ? workUntilTold : deliver) })
  const owner = await fleet.join()
  await fleet.submit(TASK)
  const facts = fleet.factsOf('spec')
  await facts.until('run.ready')
  await owner.drain(AbortSignal.timeout(10_000))
  expect((await facts.until('run.delivered')).data.outcome).toBe('drained')
  expect(fleet.engine.alive).toEqual([])
  await owner[Symbol.asyncDispose]()
  await fleet.join()
  expect((await facts.until('run.settled')).data.outcome).toBe('done')
  expect(facts.types()).not.toContain('run.lost')
})

test('a worker that does not heed a drain is ended by force, and a forced end asks nobody', async () => {
  const deaf: Script = async (worker) => {
    worker.beat()
    await worker.state({ type: 'run.ready', data: { bootMs: 1, worker: 'scripted', path: 'plain' } })
    return new Promise(() => {})
  }
  await using fleet = await startFleet({ scriptOf: () => deaf })
  const patient = await fleet.join({ stopGraceMs: 300 })
  await fleet.submit(TASK)
  const facts = fleet.factsOf('spec')
  await facts.until('run.ready')
  await patient.drain(AbortSignal.timeout(10_000))
  expect(fleet.engine.existing).toEqual([])
  await patient[Symbol.asyncDispose]()

  const hasty = await fleet.join({ stopGraceMs: 60_000 })
  await facts.until('run.ready', ({ epoch }) => epoch === 2)
  await hasty.force(AbortSignal.timeout(10_000))
  expect(fleet.engine.existing).toEqual([])
  expect(facts.types()).not.toContain('run.lost')
})

test('a silent worker is fenced although its engine is away, and destroyed when that is back', async () => {
  const fallsSilent: Script = async (worker) => {
    worker.beat()
    await worker.state({ type: 'run.ready', data: { bootMs: 1, worker: 'scripted', path: 'plain' } })
    worker.stopBeating()
    return new Promise(() => {})
  }
  await using fleet = await startFleet({ scriptOf: ({ labels }) => (labels.epoch === 1 ? fallsSilent : deliver) })
  await fleet.join({ backoff: { firstMs: 20, longestMs: 20, provenMs: 0, attemptLimit: 100 } })
  await fleet.submit(TASK)
  const facts = fleet.factsOf('spec')
  await facts.until('run.ready')
  fleet.engine.away = true
  expect((await facts.until('run.lost')).data.cause).toMatchObject({ kind: 'lost-heartbeat' })
  await facts.until('run.lost', ({ data }) => data.cause.kind === 'provider-error')
  expect(fleet.engine.existing).toEqual([first])
  fleet.engine.comeBack()
  expect((await facts.until('run.settled')).data.outcome).toBe('done')
  await fleet.engine.untilGone('run')
})

test('an outage of the bus kills nothing: everybody waits, and goes on when it is back', async () => {
  const back = Promise.withResolvers<void>()
  const waits: Script = async (worker) => {
    worker.beat()
    await worker.state({ type: 'run.ready', data: { bootMs: 1, worker: 'scripted', path: 'plain' } })
    await back.promise
    return deliver(worker)
  }
  await using fleet = await startFleet({ scriptOf: () => waits })
  await fleet.join({ heartbeatLimitMs: 600 })
  await fleet.submit(TASK)
  const facts = fleet.factsOf('spec')
  await facts.until('run.ready')
  const deaf = new Promise((resolve) => fleet.onLog(({ kind }) => kind === 'disconnected' && resolve(kind)))
  await fleet.nats.kill9()
  await deaf
  // An outage is time that passes: twice what a silence may last.
  await setTimeout(1_200)
  await fleet.nats.restart()
  back.resolve()
  expect((await facts.until('run.settled')).data.outcome).toBe('done')
  expect(fleet.engine.requests).toHaveLength(1)
})

test('two orchestrators share the work, and neither takes more than its slots', async () => {
  const finish = Promise.withResolvers<void>()
  const waits: Script = async (worker) => {
    worker.beat()
    await finish.promise
    return deliver(worker)
  }
  await using fleet = await startFleet({ scriptOf: () => waits })
  const [one, two] = [await fleet.join({ slots: 2 }), await fleet.join({ slots: 2 })]
  const specs = Array.from({ length: 6 }, () => newTaskId())
  for (const id of specs) await fleet.submit({ kind: 'prompt', text: 'x', taskId: id, specId: id })
  const all = specs.map((id) => fleet.factsOf(id))
  const spawned = await Promise.all([...Array(4)].map((_, n) => waitForNth(all, n + 1)))
  expect(spawned).toHaveLength(4)
  const records = await openRecords(fleet.bus, BUCKETS.runs, RunRecord)
  const taken = await Promise.all(specs.map((id) => untilRecord(records, id, () => true)))
  expect(taken.flatMap((run) => ('owner' in run ? run.owner : [])).toSorted()).toEqual(
    [one.id, one.id, two.id, two.id].toSorted(),
  )
  expect(taken.filter(({ state }) => state === 'queued')).toHaveLength(2)
  finish.resolve()
  for (const facts of all) expect((await facts.until('run.settled')).data.outcome).toBe('done')
})

test('an owner that was replaced while it looked at a dead sandbox leaves the verdict to its heir', async () => {
  await using fleet = await startFleet({ scriptOf: () => workUntilTold })
  const looking = Promise.withResolvers<void>()
  const wakeUp = Promise.withResolvers<void>()
  class SleepyEngine extends ScriptedEngine {
    override provider() {
      const awake = super.provider()
      return {
        ...awake,
        inspect: async (id: typeof first) => {
          looking.resolve()
          await wakeUp.promise
          return awake.inspect(id)
        },
      }
    }
  }
  await using engine = new SleepyEngine({ busUrl: fleet.nats.url, scriptOf: () => workUntilTold })
  await fleet.join({}, engine)
  await fleet.submit(TASK)
  const facts = fleet.factsOf('spec')
  await facts.until('run.spawned')
  const records = await openRecords(fleet.bus, BUCKETS.runs, RunRecord)
  const held = await records.get('run')
  if (held?.value.state !== 'running') throw new Error('the run does not run')
  await engine.kill(first)
  await looking.promise
  const heir = await fleet.join({}, engine)
  await records.replace(held, { ...held.value, owner: OrchestratorId.parse(heir.id) })
  wakeUp.resolve()
  await facts.until('run.fenced', ({ epoch }) => epoch === 2)
  expect(fleet.logged.filter(({ event }) => event === 'run.waits').map(({ orchestrator }) => orchestrator)).toEqual([
    heir.id,
  ])
})

/** Resolves when that many runs have a sandbox. */
async function waitForNth(all: { until(type: 'run.spawned'): Promise<unknown> }[], count: number): Promise<number> {
  let spawned = 0
  const enough = Promise.withResolvers<number>()
  for (const facts of all)
    void facts.until('run.spawned').then(() => {
      spawned += 1
      if (spawned >= count) enough.resolve(count)
    })
  return await enough.promise
}
