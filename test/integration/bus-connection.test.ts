import { type BusStatus, connectBus, ensureTopology, SpecfleetError } from '@specfleet/shared'
import { startNats } from '@specfleet/testkit'
import { connect, credsAuthenticator } from 'nats'
import { expect, onTestFinished, test } from 'vitest'
import { collect, condition, connectTo, startBus } from './bus-fixture.ts'

const codeOf = (thrown: unknown): unknown => (thrown instanceof SpecfleetError ? thrown.code : thrown)
const codeFrom = (work: Promise<unknown>): Promise<unknown> => work.then(() => 'no error', codeOf)

test('a server that is not there, and credentials it does not know, are told apart', async () => {
  const [nats, other] = await Promise.all([startNats(), startNats()])
  onTestFinished(() => nats.stop())
  onTestFinished(() => other.stop())
  const name = 'test'
  expect(await codeFrom(connectBus({ url: nats.url, creds: other.orchestratorCreds, name }))).toBe('bus.refused')
  expect(await codeFrom(connectBus({ url: nats.url, name }))).toBe('bus.refused')
  expect(await codeFrom(connectBus({ url: nats.url, creds: 'rubbish', name }))).toBe('bus.refused')
  await other.kill9()
  expect(await codeFrom(connectBus({ url: other.url, creds: other.orchestratorCreds, name }))).toBe('bus.unreachable')
})

test('with waitOnFirstConnect it goes on until the server is there', async () => {
  const nats = await startNats()
  onTestFinished(() => nats.stop())
  await nats.kill9()
  const options = { url: nats.url, creds: nats.orchestratorCreds, name: 'test', waitOnFirstConnect: true }
  const connecting = connectBus(options)
  await nats.restart()
  const bus = await connecting
  expect(bus.connected).toBe(true)
  await bus.close()
})

test('a request ends with its answer, with nobody there, with its time or with its signal', async () => {
  const { bus } = await startBus()
  bus.subscribe('echo', (message) => message.respond(message.data))
  bus.subscribe('silent', () => undefined)
  expect(await bus.requestJson('echo', { a: 1 }, { timeoutMs: 1_000 })).toEqual({ a: 1 })
  expect(await codeFrom(bus.request('nobody', '', { timeoutMs: 1_000 }))).toBe('bus.unreachable')
  expect(await codeFrom(bus.request('silent', '', { timeoutMs: 50 }))).toBe('bus.timeout')
  const stop = new AbortController()
  const waiting = codeFrom(bus.request('silent', '', { timeoutMs: 60_000, signal: stop.signal }))
  stop.abort('mine')
  expect(await waiting).toBe('mine')
})

test('many answer one question', async () => {
  const { bus } = await startBus()
  for (const answer of ['a', 'b', 'c']) bus.subscribe('all', (message) => message.respond(answer))
  const answers = await collect(bus.requestMany('all', {}, { timeoutMs: 5_000, max: 3 }))
  expect(answers.map((answer) => Buffer.from(answer.data).toString()).sort()).toEqual(['a', 'b', 'c'])
  expect(await collect(bus.requestMany('nobody', {}, { timeoutMs: 5_000 }))).toEqual([])
})

test('a handler that throws, at once or later, is reported and its subscription goes on', async () => {
  const { bus } = await startBus()
  const errors: unknown[] = []
  const both = condition(() => errors.length === 2)
  const onError = (thrown: unknown): void => {
    errors.push(thrown)
    both.check()
  }
  bus.subscribe(
    'handled',
    (message) => {
      const text = Buffer.from(message.data).toString()
      if (text === 'now') throw new Error(text)
      message.respond('fine')
      return text === 'later' ? Promise.reject(new Error(text)) : undefined
    },
    { onError },
  )
  bus.publish('handled', 'now')
  bus.publish('handled', 'later')
  await both.met
  expect(errors.map(String)).toEqual(['Error: now', 'Error: later'])
  expect(Buffer.from((await bus.request('handled', '', { timeoutMs: 1_000 })).data).toString()).toBe('fine')
})

test('a message over the payload limit is refused before it breaks the connection', async () => {
  const { bus } = await startBus()
  expect(() => bus.publish('x', new Uint8Array(bus.maxPayload + 1))).toThrow('over the payload limit')
  await bus.flush()
  expect(bus.connected).toBe(true)
})

test('over a kill and a restart of the server: what waits ends at once, then all goes on', async () => {
  const { nats } = await startBus()
  const seen: BusStatus['kind'][] = []
  const back = condition(() => seen.includes('reconnected'))
  const onStatus = ({ kind }: BusStatus): void => {
    seen.push(kind)
    back.check()
  }
  const bus = await connectBus({ url: nats.url, creds: nats.orchestratorCreds, name: 'test', onStatus })
  bus.subscribe('echo', (message) => message.respond(message.data))
  bus.subscribe('silent', () => undefined)
  await bus.flush()
  const waiting = codeFrom(bus.request('silent', '', { timeoutMs: 60_000 }))
  await nats.kill9()
  expect(await waiting).toBe('bus.unreachable')
  const later = bus.requestJson('echo', 'after', { timeoutMs: 30_000 })
  await nats.restart()
  expect(await later).toBe('after')
  await back.met
  await bus.close()
  expect(seen).toEqual(['connected', 'disconnected', 'reconnected', 'closed'])
  expect(await bus.closed).toBeUndefined()
  expect(await codeFrom(bus.request('echo', '', { timeoutMs: 1_000 }))).toBe('bus.unreachable')
})

test('closing while the server is away does not hang', async () => {
  const { nats, bus } = await startBus()
  bus.subscribe('silent', () => undefined)
  await bus.flush()
  const gone = codeFrom(bus.request('silent', '', { timeoutMs: 60_000 }))
  await nats.kill9()
  expect(await gone).toBe('bus.unreachable')
  await bus.close()
  expect(bus.connected).toBe(false)
})

test('streams are declared once by any number at a time, migrated where possible, and never silently changed', async () => {
  const nats = await startNats()
  onTestFinished(() => nats.stop())
  const bus = await connectTo(nats)
  await Promise.all([1, 2, 3].map(() => ensureTopology(bus, { replicas: 1 })))
  expect(await ensureTopology(bus, { replicas: 1 })).toEqual({ created: [], migrated: [] })
  expect(await ensureTopology(bus, { replicas: 1, traceMaxBytes: 10_000_000 })).toEqual({
    created: [],
    migrated: ['SF_TRACE'],
  })
  expect(await codeFrom(ensureTopology(bus, { replicas: 3 }))).toBe('bus.topology')
})

test('a stream of another kind under our name is a clear refusal', async () => {
  const nats = await startNats()
  onTestFinished(() => nats.stop())
  const bus = await connectTo(nats)
  const config = { name: 'SF_LOG', subjects: ['sf.log.>'], storage: 'memory', retention: 'limits' }
  await bus.requestJson('$JS.API.STREAM.CREATE.SF_LOG', config, { timeoutMs: 5_000 })
  await expect(ensureTopology(bus, { replicas: 1 })).rejects.toThrow(/SF_LOG differs in .*storage/)
})

test('an account without JetStream is told so', async () => {
  const nats = await startNats()
  onTestFinished(() => nats.stop())
  const system = await connectTo(nats, nats.systemCreds)
  expect(await codeFrom(ensureTopology(system, { replicas: 1 }))).toBe('bus.no-jetstream')
})

test('a client may submit, ask and watch, and can do nothing else by any reply subject', async () => {
  const { nats, bus } = await startBus()
  const creds = new TextEncoder().encode(nats.clientCreds)
  const client = await connect({ servers: nats.url, authenticator: credsAuthenticator(creds) })
  onTestFinished(() => client.close())
  bus.subscribe('sf.api.list', (message) => message.respond('listed'))
  await bus.flush()
  expect((await client.request('sf.api.list')).string()).toBe('listed')
  expect((await client.request('sf.task.high.spec', '{}')).json()).toMatchObject({ stream: 'SF_TASKS', seq: 1 })
  const watched = Promise.withResolvers<string>()
  client.subscribe('sf.log.>', { callback: (_error, message) => watched.resolve(message.subject) })
  await client.flush()
  bus.publish('sf.log.s.r.1.x', '{}')
  expect(await watched.promise).toBe('sf.log.s.r.1.x')
  client.publish('sf.task.high.spec', '{}', { reply: '$JS.API.STREAM.DELETE.SF_LOG' })
  client.publish('sf.api.list', '{}', { reply: '$JS.API.STREAM.DELETE.SF_LOG' })
  client.publish('sf.log.s.r.1.x', '{}')
  await client.flush()
  await bus.flush()
  expect(await ensureTopology(bus, { replicas: 1 })).toEqual({ created: [], migrated: [] })
})
