import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Bus, connectBus, newId, subjects } from '../../packages/shared/src/index.ts'
import { type Fleet, startFleet } from '../../packages/testkit/src/fleet.ts'
import { has, settled } from '../../packages/testkit/src/fleet-waits.ts'
import { type GatedModel, startGatedModel } from '../../packages/testkit/src/gated-model.ts'
import { NOTES_SPEC, repositoryOf, SMALL_SERVICE, type TemporaryRepository } from './repositories.ts'

const FLOOD = 100_000
/** What everybody else may have to wait for a flood to be over. */
const NOTICED_MS = 10_000
/** On a machine where runs take long anyway: in multiples of what one takes right before, undisturbed. */
const NOTICED_TIMES = 3

let model: GatedModel
let fleet: Fleet
let source: TemporaryRepository
beforeAll(async () => {
  model = await startGatedModel()
  fleet = await startFleet({ env: model.env })
  source = await repositoryOf(SMALL_SERVICE)
})
afterAll(async () => {
  await using _source = source
  await using _model = model
  await using ended = fleet
  await ended.endInOrder()
})
beforeEach(({ onTestFailed }) => onTestFailed(() => fleet.printLogs()))

const submit = (specId: string) =>
  fleet.client.submit({ kind: 'spec', specId, text: NOTES_SPEC, source: { git: source.path } })

/** Milliseconds from the submission of a run to its end, and what it stated. */
async function timed(specId: string) {
  const startedAt = performance.now()
  await submit(specId)
  const facts = await fleet.until(specId, settled)
  return { facts, ms: performance.now() - startedAt }
}

/** A run in the middle of its work, and a second connection with the credential of its sandbox. */
async function infiltrate(id: string) {
  const gate = model.gate(id, 2)
  const { runId, specId } = await submit(id)
  await gate.reached
  const { placement } = await fleet.placement(runId)
  const scope = { specId, runId, epoch: 1 }
  const { creds } = await fleet.mint.renew(placement.account, scope, { expiresAt: new Date(Date.now() + 60_000) })
  const bus = await connectBus({ url: fleet.nats.url, creds, name: `hostile ${id}` })
  return { gate, scope, creds, bus, [Symbol.asyncDispose]: () => bus.close() }
}

const ask = (bus: Bus, subject: string, what: unknown) =>
  bus.request(subject, typeof what === 'string' ? what : JSON.stringify(what), { timeoutMs: 3_000 })

test('lies are refused by the account or counted by the ledger, and believed by nobody', async () => {
  await using hostile = await infiltrate('liar')
  const { scope, bus, gate } = hostile
  const own = subjects.log(scope, 'phase.started')
  const fact = (changes: object) => ({
    v: 1,
    id: newId(),
    type: 'phase.started',
    ...scope,
    seq: 1_000,
    at: new Date().toISOString(),
    by: 'worker',
    data: { phase: 'explore', attempt: 1, turn: 0 },
    ...changes,
  })
  const neighbour = await submit('neighbour')
  for (const subject of [
    subjects.log({ ...scope, specId: neighbour.specId }, 'phase.started'),
    subjects.log({ ...scope, runId: neighbour.runId }, 'phase.started'),
    subjects.log({ ...scope, epoch: 2 }, 'phase.started'),
    subjects.log(scope, 'run.settled'),
    'sf.task.high.spec',
    'sf.api.list',
    '$JS.API.STREAM.NAMES',
    '$KV.sf_runs.x',
    '$SYS.REQ.SERVER.PING',
  ])
    await expect(ask(bus, subject, fact({}))).rejects.toMatchObject({ code: 'bus.refused' })

  const lies = [
    'rubbish',
    fact({ specId: neighbour.specId }),
    fact({ epoch: 7 }),
    fact({ v: 9 }),
    fact({ by: 'supervisor' }),
    fact({ type: 'run.settled', data: { outcome: 'done' } }),
  ]
  for (const lie of lies) await ask(bus, own, lie)
  await fleet.until('neighbour', settled)
  expect((await fleet.state('liar')).refused.count).toBe(lies.length)
  expect((await fleet.state('neighbour')).refused.count).toBe(0)
  gate.open()
  const facts = await fleet.until('liar', settled)
  expect(facts.at(-1)).toMatchObject({ by: 'supervisor', epoch: 1, data: { outcome: 'done' } })
})

type Scope = Awaited<ReturnType<typeof infiltrate>>['scope']

test.each<[string, (scope: Scope) => string]>([
  ['facts', (scope) => subjects.log(scope, 'phase.started')],
  ['traces', (scope) => subjects.trace(scope, 'agent.message')],
  ['turns', (scope) => subjects.turn(scope)],
  ['heartbeats', ({ runId, epoch }) => subjects.beat(runId, epoch)],
  ['calls', ({ runId, epoch }) => subjects.desk(runId, epoch, 'model')],
])('a flood of 100,000 %s does not keep another run waiting', async (what, subjectOf) => {
  const alone = await timed(`undisturbed-by-${what}`)
  await using hostile = await infiltrate(`flood-${what}`)
  const { scope, bus, gate, creds } = hostile
  const logged = fleet.members[0]?.log.length ?? 0
  const startedAt = performance.now()
  for (let count = 0; count < FLOOD; count++) bus.publish(subjectOf(scope), `rubbish ${count}`)
  const { facts: seen } = await timed(`witness-of-${what}`)
  const ms = Math.round(performance.now() - startedAt)
  console.log(`another run ended ${ms} ms after the flood of ${what} began; alone it took ${Math.round(alone.ms)} ms`)
  expect(ms).toBeLessThan(Math.max(NOTICED_MS, NOTICED_TIMES * alone.ms))
  expect(seen.at(-1)).toMatchObject({ epoch: 1, data: { outcome: 'done' } })

  if (what === 'facts') {
    const lost = (await fleet.until(scope.specId, has('run.lost'))).at(-1)
    expect(lost?.data).toMatchObject({ cause: { kind: 'flood' } })
    // Behind the fence the credential is worth nothing.
    const zombie = connectBus({ url: fleet.nats.url, creds, name: 'zombie' })
    await expect(zombie).rejects.toMatchObject({ code: 'bus.refused' })
  }
  gate.open()
  expect((await fleet.until(scope.specId, settled)).at(-1)).toMatchObject({ data: { outcome: 'done' } })
  expect((fleet.members[0]?.log.length ?? 0) - logged).toBeLessThan(1_000)
})
