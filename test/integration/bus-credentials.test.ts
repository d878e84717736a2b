import {
  type Bus,
  type CredentialMint,
  connectBus,
  type Epoch,
  openCredentialMint,
  openLog,
  openWorkerLog,
  Epoch as parseEpoch,
  type SandboxScope,
  storeTurn,
} from '@specfleet/shared'
import type { SecuredTestNats } from '@specfleet/testkit'
import { connect, credsAuthenticator, headers, type NatsConnection, PermissionViolationError } from 'nats'
import { expect, onTestFinished, test } from 'vitest'
import { condition, connectTo, newFact, runOf, specOf, startBus } from './bus-fixture.ts'

const HOUR_MS = 3_600_000
const epochOf = (epoch: number): Epoch => parseEpoch.parse(epoch)
const OWN: SandboxScope = { specId: specOf('own'), runId: runOf('run1'), epoch: epochOf(2) }
const inAnHour = (): { expiresAt: Date } => ({ expiresAt: new Date(Date.now() + HOUR_MS) })

type World = { nats: SecuredTestNats; bus: Bus; system: Bus; mint: CredentialMint }

async function startWorld(): Promise<World> {
  const { nats, bus } = await startBus()
  const system = await connectTo(nats, nats.systemCreds)
  const { operatorSigningSeed, kit } = nats
  const now = (): Date => new Date()
  const mint = openCredentialMint({ system, app: bus, operatorSigningSeed, appAccountId: kit.appAccountId, now })
  onTestFinished(() => mint[Symbol.asyncDispose]())
  return { nats, bus, system, mint }
}

/** A client that keeps to no rule of ours. */
async function rawClient(nats: SecuredTestNats, creds: string): Promise<NatsConnection> {
  const authenticator = credsAuthenticator(new TextEncoder().encode(creds))
  const client = await connect({ servers: nats.url, authenticator, maxReconnectAttempts: 2, reconnectTimeWait: 50 })
  onTestFinished(() => client.close())
  return client
}

test('with its own credential a sandbox does all its work', async () => {
  const { nats, bus, mint } = await startWorld()
  const { creds } = await mint.mint(OWN, inAnHour())
  const sandbox = await connectTo(nats, creds)
  const fact = newFact(OWN)
  expect(await openWorkerLog(sandbox).append(fact)).toEqual({ seq: 1, duplicate: false })
  expect(await openWorkerLog(sandbox).append(fact)).toEqual({ seq: 1, duplicate: true })
  await storeTurn(sandbox, OWN, {
    v: 1,
    turn: 1,
    conversation: 'plain',
    phase: null,
    attempt: 1,
    messages: [{ role: 'user', content: 'x'.repeat(2_500_000) }],
    usage: { turns: 1, toolCalls: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, usd: 0 },
  })
  const heard: string[] = []
  const all = condition(() => heard.length === 2)
  const hear = ({ subject }: { subject: string }): void => {
    heard.push(subject)
    all.check()
  }
  bus.subscribe('sf.beat.*.*', hear)
  bus.subscribe('sf.trace.>', hear)
  bus.subscribe('sf.desk.*.*.memory', (message) => message.respond('answer'))
  await bus.flush()
  sandbox.publish('sf.beat.run1.2', '{}')
  sandbox.publish('sf.trace.own.run1.2.log.line', '{}')
  await all.met
  expect(heard.sort()).toEqual(['sf.beat.run1.2', 'sf.trace.own.run1.2.log.line'])
  const answer = await sandbox.request('sf.desk.run1.2.memory', '', { timeoutMs: 5_000 })
  expect(Buffer.from(answer.data).toString()).toBe('answer')
  const down: string[] = []
  const both = condition(() => down.length === 2)
  for (const subject of ['sf.ctl.run1.2', 'sf.down.run1.2.call']) {
    sandbox.subscribe(subject, (message) => {
      down.push(message.subject)
      both.check()
    })
  }
  await sandbox.flush()
  for (const subject of ['sf.ctl.run1.2', 'sf.down.run1.2.call', 'sf.ctl.run1.3', 'sf.ctl.run2.2'])
    bus.publish(subject, '')
  await both.met
  expect(down.sort()).toEqual(['sf.ctl.run1.2', 'sf.down.run1.2.call'])
})

test('what is not its own it can neither say nor hear', async () => {
  const { nats, bus, mint } = await startWorld()
  const { creds } = await mint.mint(OWN, inAnHour())
  const [client, reached] = [await rawClient(nats, creds), [] as string[]]
  const foreign = [
    'sf.log.other.run1.2.phase.started',
    'sf.log.own.run1.1.phase.started',
    'sf.log.own.run1.2.run.fenced',
    'sf.log.own.-.0.spec.completed',
    'sf.trace.own.run1.3.log.line',
    'sf.turn.own.run1.1',
    'sf.beat.run1.1',
    'sf.beat.run2.2',
    'sf.desk.run2.2.model',
    'sf.ctl.run1.2',
    'sf.down.run1.2.x',
    'sf.task.high.spec',
    'sf.api.list',
    'sf.dead.x',
    '$JS.API.INFO',
    '$JS.API.STREAM.PURGE.SF_LOG',
    '$KV.sf_runs.run1',
    '$O.sf_blobs.M.x',
    '$SYS.REQ.SERVER.PING',
    '$SYS.REQ.CLAIMS.LIST',
    '_INBOX.other',
    '_R_.x',
  ]
  bus.subscribe('>', (message) => {
    if (foreign.includes(message.subject)) reached.push(message.subject)
  })
  await bus.flush()
  const refused: string[] = []
  const allRefused = condition(() => refused.length >= foreign.length)
  const listening = (async () => {
    for await (const status of client.status()) {
      if (status.type !== 'error' || !(status.error instanceof PermissionViolationError)) continue
      refused.push(status.error.subject)
      allRefused.check()
    }
  })()
  for (const subject of foreign) client.publish(subject, '{}')
  await allRefused.met
  expect([...new Set(refused)].sort()).toEqual([...foreign].sort())
  const ears = ['>', 'sf.>', 'sf.ctl.*.*', 'sf.down.run2.2.>', 'sf.log.>', '$SYS.>', '$JS.>', '_R_.>']
  const heard: string[] = []
  for (const subject of ears) {
    client.subscribe(subject, { callback: (error, message) => void (error === null && heard.push(message.subject)) })
  }
  await client.flush()
  bus.publish('sf.ctl.run2.2', '')
  bus.publish('sf.down.run2.2.x', '')
  bus.publish('sf.log.other.run1.2.x', '')
  await bus.flush()
  await client.flush()
  expect(heard).toEqual([])
  expect(reached).toEqual([])
  await client.close()
  await listening
})

test('a reply subject of its choosing reaches nothing: no stream, no key, no other sandbox', async () => {
  const { nats, bus, mint } = await startWorld()
  const { creds } = await mint.mint(OWN, inAnHour())
  const victim = await connectTo(nats, (await mint.mint({ ...OWN, epoch: epochOf(3) }, inAnHour())).creds)
  const reached: string[] = []
  victim.subscribe('sf.ctl.run1.3', (message) => void reached.push(message.subject))
  victim.subscribe('sf.down.run1.3.>', (message) => void reached.push(message.subject))
  bus.subscribe('sf.desk.*.*.model', (message) => message.respond('{}'))
  bus.subscribe('$KV.sf_runs.>', (message) => void reached.push(message.subject))
  await Promise.all([victim.flush(), bus.flush()])
  await openLog(bus).append(newFact({ specId: specOf('kept') }))
  const client = await rawClient(nats, creds)
  const targets = [
    '$JS.API.STREAM.DELETE.SF_LOG',
    '$JS.API.STREAM.PURGE.SF_LOG',
    '$JS.API.CONSUMER.DELETE.SF_TASKS.intake-high',
    '$KV.sf_runs.run1',
    'sf.ctl.run1.3',
    'sf.down.run1.3.call',
    'sf.log.kept.-.0.spec.completed',
    'sf.task.high.spec',
  ]
  const own = ['sf.log.own.run1.2.phase.started', 'sf.turn.own.run1.2', 'sf.trace.own.run1.2.x', 'sf.desk.run1.2.model']
  for (const subject of own) {
    for (const reply of targets) {
      client.publish(subject, '{}', { reply })
      const hostile = headers()
      hostile.set('Nats-Rollup', 'all')
      hostile.set('Nats-Msg-Id', `${subject}${reply}`)
      client.publish(subject, '{}', { reply, headers: hostile })
    }
  }
  await client.flush()
  await bus.flush()
  await victim.flush()
  expect(reached).toEqual([])
  const info = await bus.requestJson('$JS.API.STREAM.INFO.SF_LOG', {}, { timeoutMs: 5_000 })
  expect(info).toMatchObject({ state: { first_seq: 1 } })
  await bus.requestJson('$JS.API.CONSUMER.INFO.SF_TASKS.intake-high', {}, { timeoutMs: 5_000 })
  for (const subject of ['sf.log.kept.-.0.spec.completed', 'sf.task.high.spec']) {
    const stream = subject.startsWith('sf.log') ? 'SF_LOG' : 'SF_TASKS'
    const found = await bus.requestJson(
      `$JS.API.STREAM.MSG.GET.${stream}`,
      { last_by_subj: subject },
      { timeoutMs: 5_000 },
    )
    expect(found).toMatchObject({ error: { err_code: 10037 } })
  }
})

test('more connections and more subscriptions than allowed are refused', async () => {
  const { nats, mint } = await startWorld()
  const { creds } = await mint.mint(OWN, inAnHour())
  const [first] = await Promise.all([1, 2, 3, 4].map(() => rawClient(nats, creds)))
  const fifth = connectBus({ url: nats.url, creds, name: 'fifth', connectTimeoutMs: 1_000 })
  await expect(fifth).rejects.toMatchObject({ code: 'bus.unreachable' })
  const refused = Promise.withResolvers<string>()
  for (let count = 0; count < 60; count += 1) {
    first?.subscribe(`sf.down.run1.2.call${count}`, { callback: () => undefined })
  }
  const listening = (async () => {
    for await (const status of first?.status() ?? []) {
      if (status.type === 'error') refused.resolve(status.error.message)
    }
  })()
  expect(await refused.promise).toMatch(/maximum subscriptions/i)
  await first?.close()
  await listening
})

test('once revoke has resolved nothing more of a flooding sandbox is stored, and it is cut off', async () => {
  const { nats, bus, mint } = await startWorld()
  const { account, creds } = await mint.mint(OWN, inAnHour())
  const client = await rawClient(nats, creds)
  const log = openLog(bus)
  let stored = 0
  const flooding = condition(() => stored > 500)
  bus.subscribe('sf.log.own.>', () => {
    stored += 1
    flooding.check()
  })
  await bus.flush()
  let sending = true
  const flood = (async () => {
    while (sending && !client.isClosed()) {
      for (let count = 0; count < 100; count += 1) {
        if (client.isClosed()) return
        client.publish('sf.log.own.run1.2.phase.started', JSON.stringify(newFact(OWN)))
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  await flooding.met
  await mint.revoke(account)
  const last = await log.lastSeq()
  const counted = stored
  expect(await client.closed()).toBeInstanceOf(Error)
  sending = false
  await flood
  await bus.flush()
  expect(await log.lastSeq()).toBe(last)
  expect(stored - counted).toBe(0)
  await expect(connectBus({ url: nats.url, creds, name: 'again' })).rejects.toMatchObject({ code: 'bus.refused' })
  await log.append(newFact({ specId: specOf('bystander') }))
})

test('revoking is idempotent, hits one account alone, and outlives a restart of the server', async () => {
  const { nats, mint } = await startWorld()
  const one = await mint.mint(OWN, inAnHour())
  const other = await mint.mint({ ...OWN, epoch: epochOf(3) }, inAnHour())
  const sandbox = await connectTo(nats, one.creds)
  const neighbour = await connectTo(nats, other.creds)
  await Promise.all([mint.revoke(one.account), mint.revoke(one.account)])
  await mint.revoke(one.account)
  expect(await sandbox.closed).toBeInstanceOf(Error)
  await openWorkerLog(neighbour).append(newFact({ ...OWN, epoch: epochOf(3) }))
  expect(await mint.accounts()).toEqual([other.account])
  await nats.restart()
  await expect(connectBus({ url: nats.url, creds: one.creds, name: 'x' })).rejects.toMatchObject({
    code: 'bus.refused',
  })
  await openWorkerLog(neighbour).append(newFact({ ...OWN, epoch: epochOf(3) }))
  await expect(mint.revoke('not an account')).rejects.toMatchObject({ code: 'request.malformed' })
})

test('sandboxes of another fleet on the same server are not counted among ours', async () => {
  const { nats, bus, system, mint } = await startWorld()
  const { operatorSigningSeed, kit } = nats
  const others = { operatorSigningSeed, appAccountId: kit.systemAccountId, now: () => new Date(), spare: 0 }
  await using theirs = openCredentialMint({ system, app: bus, ...others })
  const ours = await mint.mint(OWN, inAnHour())
  const { account } = await theirs.mint({ ...OWN, epoch: epochOf(3) }, inAnHour())
  expect(await mint.accounts()).toEqual([ours.account])
  expect(await theirs.accounts()).toEqual([account])
})

test('a credential ends at its time, and a renewed one goes on', async () => {
  const { nats, mint } = await startWorld()
  const soon = { expiresAt: new Date(Date.now() + 1_500) }
  const { account, creds } = await mint.mint(OWN, soon)
  let current = creds
  const kinds: string[] = []
  const renewing = await connectBus({
    url: nats.url,
    creds: () => current,
    name: 'renewing',
    onStatus: ({ kind }) => void kinds.push(kind),
  })
  const ending = await connectTo(nats, creds)
  current = (await mint.renew(account, OWN, inAnHour())).creds
  expect(await ending.closed).toBeInstanceOf(Error)
  await openWorkerLog(renewing).append(newFact(OWN))
  expect(kinds).toContain('reconnected')
  await renewing.close()
  // Times are whole seconds: within the last one it is let in and at once sent away.
  const late = connectBus({ url: nats.url, creds, name: 'late' }).then((bus) => bus.closed)
  await expect(late.then((reason) => Promise.reject(reason))).rejects.toThrow(/expired|authorization/i)
})

test('ids that would widen the credential are refused before anything is made', async () => {
  const { mint } = await startWorld()
  const hostile = { ...OWN, runId: '*' }
  await expect(mint.mint(hostile as SandboxScope, inAnHour())).rejects.toThrow()
  expect(await mint.accounts()).toEqual([])
})

test.each([HOUR_MS, -HOUR_MS, 24 * HOUR_MS, -24 * HOUR_MS])(
  'whose clock is wrong by %i ms makes credentials that live as long as they should, and takes them away',
  async (wrongBy) => {
    const { nats, bus, system } = await startWorld()
    const { operatorSigningSeed, kit } = nats
    const mintAt = (by: number) => {
      const now = () => new Date(Date.now() + by)
      return openCredentialMint({ system, app: bus, operatorSigningSeed, appAccountId: kit.appAccountId, now })
    }
    await using wrong = mintAt(wrongBy)
    await using right = mintAt(0)
    for (const [maker, taker] of [
      [wrong, right],
      [right, wrong],
    ] as const) {
      const expiresAt = new Date((await maker.serverTime()).getTime() + 60_000)
      expect(Math.abs(expiresAt.getTime() - Date.now() - 60_000)).toBeLessThan(5_000)
      const { account, creds } = await maker.mint(OWN, { expiresAt })
      const sandbox = await rawClient(nats, creds)
      await sandbox.request('sf.log.own.run1.2.run.ready', JSON.stringify(newFact(OWN, 'run.ready')))
      await taker.revoke(account)
      await sandbox.closed()
      await expect(rawClient(nats, creds)).rejects.toThrow()
    }
  },
)
