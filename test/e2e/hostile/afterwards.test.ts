import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { has, settled } from '../../../packages/testkit/src/fleet-waits.ts'
import { credentialOf, openGround, refusedBy, storesOf, wireOf } from './infiltrate.ts'
import { isError, openRawClient, publish } from './raw-client.ts'

test('a credential is worth nothing after its time, after the fence and after the end of its run', async ({
  onTestFailed,
}) => {
  await using ground = await openGround()
  const { fleet } = ground
  onTestFailed(() => fleet.printLogs())
  const hostile = await ground.infiltrate('zombie')
  const { scope } = hostile
  const subject = `sf.beat.${scope.runId}.${scope.epoch}`
  const { hostname, port } = new URL(fleet.nats.url)
  const past = (creds: string) => openRawClient({ host: hostname, port: Number(port) }, creds)

  // After its time: the connection that is there is closed, and no other made.
  const short = await credentialOf(fleet, hostile.placement.account, scope, 2_000)
  await using overdue = await hostile.enter(short)
  await overdue.settled()
  await overdue.hears(({ verb, args }) => verb === '-ERR' && /expired/i.test(args))
  await overdue.closed
  await using late = await hostile.enter(short)
  await late.hears(isError)
  await late.closed
  await fleet.until('zombie', refusedBy('bus', 2, /authori[sz]ation|expired/i))

  // After the fence: what is connected is cut off, and the wire of the next epoch takes no credential of the last.
  await using direct = await past(hostile.creds)
  await direct.settled()
  const next = ground.model.gate('zombie', 3)
  process.kill(await fleet.workerOf(hostile.placement.sandboxId), 'SIGKILL')
  await direct.closed
  await fleet.until(
    'zombie',
    has('run.ready', ({ epoch }) => epoch === 2),
  )
  expect(existsSync(hostile.path)).toBe(false)
  await using again = await past(hostile.creds)
  await again.hears(isError)
  const { placement } = await fleet.placement(scope.runId)
  const told = refusedBy('bus', 3, /authori[sz]ation/i)
  await using reborn = await openRawClient({ path: wireOf(fleet, placement.sandboxId) }, hostile.creds)
  reborn.send(publish(subject, 'x'))
  await reborn.hears(isError)
  await reborn.closed
  await fleet.until('zombie', told)

  // After the end: there is no wire, and the account of the last epoch is gone.
  const last = await credentialOf(fleet, placement.account, { ...scope, epoch: 2 }, 120_000)
  hostile.gate.open()
  next.open()
  const facts = await fleet.until('zombie', settled)
  expect(facts.find(({ type }) => type === 'run.settled')).toMatchObject({ epoch: 2, data: { outcome: 'done' } })
  const stores = await storesOf(fleet.app)
  await fleet.endInOrder()
  await using after = await past(last)
  await after.hears(isError)
  await after.closed
  expect(existsSync(wireOf(fleet, placement.sandboxId))).toBe(false)
  expect(await storesOf(fleet.app)).toEqual(stores)
})
