import { expect, test } from 'vitest'
import { type Bus, connectBus, newId, subjects } from '../../packages/shared/src/index.ts'
import { startFleet } from '../../packages/testkit/src/fleet.ts'
import { has, settled } from '../../packages/testkit/src/fleet-waits.ts'
import { startGatedModel } from './gated-model.ts'
import { NOTES_SPEC, repositoryOf, SMALL_SERVICE } from './repositories.ts'

const FLOOD = 100_000

test('a worker that lies and floods is refused, counted and fenced, and nobody else notices', async () => {
  await using model = await startGatedModel()
  await using fleet = await startFleet({ env: model.env })
  await using source = await repositoryOf(SMALL_SERVICE)
  const submit = (specId: string) =>
    fleet.client.submit({ kind: 'spec', specId, text: NOTES_SPEC, source: { git: source.path } })

  const gate = model.gate('hostile', 2)
  const { runId, specId } = await submit('hostile')
  await gate.reached
  const { placement } = await fleet.placement(runId)
  const scope = { specId, runId, epoch: 1 }
  const expiresAt = new Date(Date.now() + 60_000)
  const { creds } = await fleet.mint.renew(placement.account, scope, { expiresAt })
  await using hostile = await connectBus({ url: fleet.nats.url, creds, name: 'hostile worker' })
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

  // What the account does not hold never reaches anybody.
  for (const subject of [
    subjects.log({ ...scope, specId: (await submit('neighbour')).specId }, 'phase.started'),
    subjects.log({ ...scope, epoch: 2 }, 'phase.started'),
    subjects.log(scope, 'run.settled'),
    'sf.task.high.spec',
    'sf.api.list',
    '$JS.API.STREAM.NAMES',
    '$KV.sf_runs.x',
    '$SYS.REQ.SERVER.PING',
  ])
    await expect(ask(hostile, subject, fact({}))).rejects.toMatchObject({ code: 'bus.refused' })

  // What it holds is stored, and counted by the ledger as what it is.
  for (const lie of [
    'rubbish',
    fact({ specId: 'neighbour' }),
    fact({ epoch: 7 }),
    fact({ v: 9 }),
    fact({ by: 'supervisor' }),
  ])
    await ask(hostile, own, lie)
  await submit('quiet')
  await fleet.until('quiet', settled)
  expect((await fleet.state('hostile')).refused.count).toBe(5)
  expect((await fleet.state('neighbour')).refused.count).toBe(0)

  // The flood, while another run is at work.
  const witness = submit('witness')
  for (let count = 0; count < FLOOD; count++) hostile.publish(own, `rubbish ${count}`)
  await witness
  const lost = (await fleet.until('hostile', has('run.lost'))).at(-1)
  expect(lost?.data).toMatchObject({ cause: { kind: 'flood' } })
  expect((await fleet.until('witness', settled)).at(-1)).toMatchObject({ epoch: 1, data: { outcome: 'done' } })
  expect((await fleet.until('neighbour', settled)).at(-1)).toMatchObject({ epoch: 1, data: { outcome: 'done' } })

  // Behind the fence its credential is worth nothing, and the run goes on without it.
  await expect(connectBus({ url: fleet.nats.url, creds, name: 'zombie' })).rejects.toMatchObject({
    code: 'bus.refused',
  })
  gate.open()
  const facts = await fleet.until('hostile', settled)
  expect(facts.at(-1)).toMatchObject({ epoch: 2, data: { outcome: 'done' } })
  await fleet.endInOrder()
})

const ask = (bus: Bus, subject: string, what: unknown) =>
  bus.request(subject, typeof what === 'string' ? what : JSON.stringify(what), { timeoutMs: 3_000 })
