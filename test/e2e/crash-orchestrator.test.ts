import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Epoch, isOwned, type RunId, subjects } from '../../packages/shared/src/index.ts'
import { type Fleet, startFleet } from '../../packages/testkit/src/fleet.ts'
import type { Member } from '../../packages/testkit/src/fleet-member.ts'
import { has, settled } from '../../packages/testkit/src/fleet-waits.ts'
import { paidTwice, startGatedModel } from '../../packages/testkit/src/gated-model.ts'
import { untilGone } from '../../packages/testkit/src/leaks.ts'
import { PHASES } from './plans.ts'
import { NOTES_SPEC, repositoryOf, SMALL_SERVICE } from './repositories.ts'

test('a killed orchestrator: another one on the host adopts the same sandbox, which never notices', async () => {
  await using model = await startGatedModel()
  await using fleet = await startFleet({ orchestrators: 2, env: model.env })
  await using source = await repositoryOf(SMALL_SERVICE)
  const gate = model.gate('adopted', 3)
  const { runId } = await fleet.client.submit(task('adopted', source.path))
  await gate.reached
  const { placement } = await fleet.placement(runId)
  const worker = await fleet.workerOf(placement.sandboxId)
  const owner = await ownerOf(fleet, runId)
  await owner.kill9()

  const adopted = await fleet.until('adopted', has('run.adopted'))
  const heir = await ownerOf(fleet, runId)
  expect(adopted.at(-1)).toMatchObject({ epoch: 1, data: { from: owner.id, to: heir.id } })
  expect(await fleet.workerOf(placement.sandboxId)).toBe(worker)
  gate.open()
  await expectOneEpoch(fleet, 'adopted')
  expect(paidTwice(model.callsOf('adopted'))).toBeLessThanOrEqual(1)
  await fleet.endInOrder()
})

test('the only orchestrator is killed: a new one adopts within two seconds of being up', async () => {
  await using model = await startGatedModel()
  await using fleet = await startFleet({ env: model.env })
  await using source = await repositoryOf(SMALL_SERVICE)
  const gate = model.gate('orphaned', 3)
  const { runId } = await fleet.client.submit(task('orphaned', source.path))
  await gate.reached
  const { placement } = await fleet.placement(runId)
  const worker = await fleet.workerOf(placement.sandboxId)
  await fleet.members[0]?.kill9()

  await fleet.join()
  const upAt = performance.now()
  await fleet.until('orphaned', has('run.adopted'))
  expect(performance.now() - upAt).toBeLessThan(2_000)
  expect(await fleet.workerOf(placement.sandboxId)).toBe(worker)
  gate.open()
  await expectOneEpoch(fleet, 'orphaned')
  expect(paidTwice(model.callsOf('orphaned'))).toBeLessThanOrEqual(1)
  await fleet.endInOrder()
})

test('an owner is lost with its host: another host fences the sandbox it cannot reach, and goes on', async () => {
  await using model = await startGatedModel()
  await using fleet = await startFleet({ env: model.env })
  await using source = await repositoryOf(SMALL_SERVICE)
  const gate = model.gate('moved', 3)
  const { runId } = await fleet.client.submit(task('moved', source.path))
  await gate.reached
  const { placement } = await fleet.placement(runId)
  const zombie = await fleet.workerOf(placement.sandboxId)
  // Another home is another engine, as on another host.
  await fleet.join({ SPECFLEET_HOME: join(fleet.home, 'elsewhere') })
  await fleet.members[0]?.kill9()

  const fenced = (
    await fleet.until(
      'moved',
      has('run.fenced', ({ epoch }) => epoch === 2),
    )
  ).at(-1)
  gate.open()
  const facts = await fleet.until('moved', settled)
  expect(facts.at(-1)).toMatchObject({ epoch: 2, data: { outcome: 'done' } })
  expect(facts.filter(({ type }) => type === 'run.lost').map(({ data }) => data)).toMatchObject([
    { cause: { kind: 'owner-lost' } },
  ])
  const behindFence = facts.slice(facts.findIndex(({ id }) => id === fenced?.id))
  expect(behindFence.filter(({ by, epoch }) => by === 'worker' && epoch === 1)).toEqual([])

  // Cut off for good, the old worker ends by itself; back on its host, somebody clears up behind it.
  await untilGone(zombie)
  await fleet.join()
  await fleet.endInOrder()
})

test('SIGTERM drains: the run ends its turn and waits, nothing is left, and a new orchestrator goes on', async () => {
  await using model = await startGatedModel()
  await using fleet = await startFleet({ env: model.env })
  await using source = await repositoryOf(SMALL_SERVICE)
  const gate = model.gate('drained', 3)
  const { runId } = await fleet.client.submit(task('drained', source.path))
  await gate.reached
  const told = heard(fleet, runId, 1)
  const ended = fleet.members[0]?.term()
  await told
  gate.open()
  expect(await ended).toBe(0)
  expect(await fleet.record(runId)).toMatchObject({
    state: 'waiting',
    why: 'drained',
    epoch: 1,
    causes: [],
    failures: 0,
  })
  await fleet.endInOrder()

  await fleet.join()
  const facts = await fleet.until('drained', settled)
  expect(facts.filter(({ type }) => type === 'run.lost')).toEqual([])
  expect(facts.at(-1)).toMatchObject({ epoch: 2, data: { outcome: 'done' } })
  expect(paidTwice(model.callsOf('drained'))).toBe(0)
  await fleet.endInOrder()
})

test('kill -9 and restart of NATS in the middle: the run settles, and nothing is lost', async () => {
  await using model = await startGatedModel()
  await using fleet = await startFleet({ orchestrators: 2, env: model.env })
  await using source = await repositoryOf(SMALL_SERVICE)
  const gate = model.gate('cut', 3)
  await fleet.client.submit(task('cut', source.path))
  await gate.reached
  const sawReady = Promise.withResolvers<void>()
  const watching = fleet.until('cut', (facts) => {
    if (has('run.ready')(facts)) sawReady.resolve()
    return settled(facts)
  })
  await sawReady.promise
  await fleet.nats.kill9()
  gate.open()
  await fleet.nats.restart()
  const facts = await watching
  expect(facts.filter(({ type }) => type === 'run.lost')).toEqual([])
  await expectOneEpoch(fleet, 'cut')
  expect(paidTwice(model.callsOf('cut'))).toBeLessThanOrEqual(1)
  await fleet.endInOrder()
})

const task = (specId: string, git: string) => ({ kind: 'spec', specId, text: NOTES_SPEC, source: { git } })

async function ownerOf(fleet: Fleet, runId: RunId): Promise<Member> {
  const run = await fleet.record(runId)
  const owner = fleet.members.find(({ id }) => isOwned(run) && run.owner === id)
  if (owner === undefined) throw new Error(`nobody owns run ${runId}, it is ${run.state}`)
  return owner
}

/** Settles when the worker confirms a control message. */
function heard(fleet: Fleet, runId: RunId, epoch: Epoch): Promise<void> {
  return new Promise((resolve) => {
    fleet.app.subscribe(subjects.taken(runId, epoch), () => resolve(), { max: 1 })
  })
}

async function expectOneEpoch(fleet: Fleet, specId: string): Promise<void> {
  const facts = await fleet.until(specId, settled)
  expect(facts.at(-1)).toMatchObject({ type: 'run.settled', epoch: 1, data: { outcome: 'done' } })
  expect(facts.filter(({ type }) => type === 'run.fenced')).toHaveLength(1)
  expect(Object.keys((await fleet.state(specId)).results)).toEqual(PHASES)
}
