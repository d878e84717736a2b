import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'
import { parsePoint } from '../../packages/chaos/src/points/point.ts'
import { openRelay, type Relay } from '../../packages/chaos/src/points/relay.ts'
import {
  BUCKETS,
  type Bus,
  connectBus,
  DURABLES,
  type Envelope,
  ensureTopology,
  newMessageId,
  openLog,
  openRecords,
  openTaskQueue,
  RunId,
  SpecId,
} from '../../packages/shared/src/index.ts'
import { startNats, type TestNats } from '../../packages/testkit/src/nats-server.ts'

let nats: TestNats
/** Speaks to the server itself. */
let direct: Bus

beforeAll(async () => {
  nats = await startNats({ auth: false })
  direct = await connectBus({ url: nats.url, name: 'observer' })
  await ensureTopology(direct, { replicas: 1 })
})
afterAll(async () => {
  await direct.close()
  await nats.stop()
})

const openRelayed = async (name: string): Promise<AsyncDisposable & { relay: Relay; bus: Bus }> => {
  await using parts = new AsyncDisposableStack()
  const relay = parts.use(await openRelay({ upstream: nats.url }))
  const bus = parts.use(await connectBus({ url: relay.url, name }))
  const rest = parts.move()
  return { relay, bus, [Symbol.asyncDispose]: () => rest.disposeAsync() }
}

const never = new AbortController().signal
const worker = { specId: SpecId.parse('spec'), runId: RunId.parse('run'), epoch: 1 }
const fact = (runId = 'run'): Envelope => ({
  v: 1,
  id: newMessageId(),
  type: 'run.ready',
  specId: worker.specId,
  runId: RunId.parse(runId),
  epoch: 1,
  seq: 1,
  at: new Date().toISOString(),
  by: 'worker',
  data: { bootMs: 1, worker: 'test', path: 'phases' },
})
const point = (text: string) => parsePoint(text)

test('what crosses the relay arrives as it was sent, at any size, in both directions', async () => {
  await using world = await openRelayed('somebody')
  const received: Buffer[] = []
  const all = Promise.withResolvers<void>()
  const sizes = [0, 1, 1_000, 65_536, 1_000_000, 1_048_500]
  using _echo = world.bus.subscribe('echo', ({ data }) => {
    received.push(Buffer.from(data))
    if (received.length === sizes.length) all.resolve()
  })
  await world.bus.flush()
  const sent = sizes.map((size, at) => Buffer.alloc(size, `${at} PUB a 3\r\n-ERR`))
  for (const each of sent) world.bus.publish('echo', each, { headers: { A: 'b' } })
  await all.promise
  expect(received.map((each, at) => each.equals(sent[at] ?? Buffer.of(1)))).toEqual(sizes.map(() => true))
})

test('what the server refuses is refused through the relay too', async () => {
  await using world = await openRelayed('somebody')
  await expect(world.bus.request('nobody.listens', '', { timeoutMs: 5_000 })).rejects.toMatchObject({
    code: 'bus.unreachable',
  })
  expect(() => world.bus.publish('large', Buffer.alloc(world.bus.maxPayload + 1))).toThrow(/payload/i)
})

test('before a point nothing has left the publisher, and others go on', async () => {
  await using world = await openRelayed('worker run.1')
  await using other = await connectBus({ url: world.relay.url, name: 'worker other.1' })
  const lastSeq = await openLog(direct).lastSeq()
  const standing = world.relay.stopAt(point('worker/fact/run.ready#1 before'), never)
  const appending = openLog(world.bus).append(fact())
  const stopped = await standing
  expect(stopped.by).toEqual({ kind: 'worker', runId: 'run', epoch: 1 })
  expect(await openLog(direct).lastSeq()).toBe(lastSeq)
  await expect(openLog(other).append(fact('other'))).resolves.toMatchObject({ duplicate: false })

  stopped.release()
  await expect(appending).resolves.toMatchObject({ seq: lastSeq + 2, duplicate: false })
})

test('after a point the message is stored, and its publisher does not hear of it', async () => {
  await using world = await openRelayed('worker run.1')
  const lastSeq = await openLog(direct).lastSeq()
  const standing = world.relay.stopAt(point('worker/fact/run.ready#1 after'), never)
  let heard = false
  const appending = openLog(world.bus)
    .append(fact())
    .finally(() => {
      heard = true
    })
  const stopped = await standing
  expect(await openLog(direct).lastSeq()).toBe(lastSeq + 1)
  expect(heard).toBe(false)
  // The client asks again under the same id when its connection is back: the server knows it.
  stopped.cut()
  await expect(appending).resolves.toEqual({ seq: lastSeq + 1, duplicate: true })
})

test('what has no answer counts as stored once the server has taken it', async () => {
  await using world = await openRelayed('worker run.1')
  const beats: string[] = []
  using _beats = direct.subscribe('sf.beat.run.1', ({ data }) => void beats.push(Buffer.from(data).toString()))
  await direct.flush()
  const standing = world.relay.stopAt(point('worker/beat#2 after'), never)
  for (const beat of ['first', 'second', 'third']) world.bus.publish('sf.beat.run.1', beat)
  const stopped = await standing
  await direct.flush()
  expect(beats).toEqual(['first', 'second'])
  stopped.release()
  // The client has as many answers to its pings as it sent.
  await world.bus.flush()
  await direct.flush()
  expect(beats).toEqual(['first', 'second', 'third'])
})

test('the nth is counted for each run of its own', async () => {
  await using world = await openRelayed('orchestrator one')
  const standing = world.relay.stopAt(point('worker/beat#2 before'), never)
  world.bus.publish('sf.beat.a.1', '')
  world.bus.publish('sf.beat.b.1', '')
  await world.bus.flush()
  expect(Object.fromEntries(world.relay.seen)).toEqual({ any: 2, 'worker/beat': 1 })
  world.bus.publish('sf.beat.b.1', '')
  const stopped = await standing
  expect(stopped.by).toEqual({ kind: 'orchestrator', id: 'one' })
  stopped.cut()
})

test('any stops at whatever is said so many messages on', async () => {
  await using world = await openRelayed('somebody')
  const standing = world.relay.stopAt(point('any#3 before'), never)
  world.bus.publish('sf.beat.a.1', '')
  world.bus.publish('sf.trace.spec.a.1.log.line', '')
  world.bus.publish('of.no.name', '')
  await world.bus.flush()
  world.bus.publish('sf.turn.spec.a.1', '')
  const stopped = await standing
  stopped.cut()
  // What has no name does not count.
  expect(Object.fromEntries(world.relay.seen)).toEqual({
    any: 3,
    'worker/beat': 1,
    'worker/trace/log.line': 1,
    'worker/turn': 1,
  })
})

test('records and acknowledged tasks are points of their own', async () => {
  await using world = await openRelayed('orchestrator one')
  const schema = z.object({ state: z.string() })
  const records = await openRecords(world.bus, BUCKETS.runs, schema)
  const created = await records.create('run', { state: 'claimed' })
  if (created === 'exists') throw new Error('the record was there')
  const standing = world.relay.stopAt(point('supervisor/record/starting before'), never)
  const replacing = records.replace(created, { state: 'starting' })
  const stopped = await standing
  expect((await (await openRecords(direct, BUCKETS.runs, schema)).get('run'))?.value).toEqual({ state: 'claimed' })
  stopped.release()
  await expect(replacing).resolves.toMatchObject({ value: { state: 'starting' } })

  const queue = await openTaskQueue(world.bus)
  await queue.publish('sf.task.normal.spec', '{}')
  const [task] = await queue.pull('normal', { max: 1, waitMs: 5_000, signal: never })
  const acknowledged = world.relay.stopAt(point('intake/task/ack after'), never)
  const acknowledging = task?.ack()
  ;(await acknowledged).release()
  await acknowledging
  expect(DURABLES.intake('normal')).toBe('intake-normal')
  expect(world.relay.seen.get('intake/record/claimed')).toBe(1)
  expect(world.relay.seen.get('api/task')).toBe(1)
})

test('of two that are awaited each gets somebody of its own, counted from when it began', async () => {
  await using world = await openRelayed('orchestrator one')
  await using other = await connectBus({ url: world.relay.url, name: 'orchestrator two' })
  const early = world.relay.stopAt(point('worker/beat#1 before'), never)
  world.bus.publish('sf.beat.a.1', '')
  const first = await early
  const late = world.relay.stopAt(point('worker/beat#1 before'), never, 'now')
  const both = world.relay.stopAt(point('worker/turn before'), never)
  other.publish('sf.beat.a.1', '')
  const second = await late
  expect([first.by, second.by]).toEqual([
    { kind: 'orchestrator', id: 'one' },
    { kind: 'orchestrator', id: 'two' },
  ])
  for (const stopped of [first, second]) stopped.release()
  world.bus.publish('sf.turn.spec.a.1', '')
  const third = await both
  third.cut()
})

test('waiting for a point ends with its signal, and with the relay', async () => {
  const relay = await openRelay({ upstream: nats.url })
  const stop = new AbortController()
  const waiting = relay.stopAt(point('worker/turn before'), stop.signal)
  stop.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  const another = relay.stopAt(point('worker/turn before'), never)
  const refused = expect(another).rejects.toThrow('the relay is closed')
  await relay[Symbol.asyncDispose]()
  await refused
})

test('who dies while it is made to stand leaves the point to the next', async () => {
  await using relay = await openRelay({ upstream: nats.url })
  const standing = relay.stopAt(point('client/request/get#1 after'), never)
  const asked = Promise.withResolvers<void>()
  const answers = new AbortController()
  using _api = direct.subscribe('sf.api.get', (message) => {
    asked.resolve()
    if (answers.signal.aborted) message.respond('here')
  })
  await direct.flush()
  const { hostname, port } = new URL(relay.url)
  const doomed = connect({ host: hostname, port: Number(port) })
  doomed.write('CONNECT {"name":"doomed"}\r\nPUB sf.api.get _INBOX.1 0\r\n\r\n')
  // Nobody has answered, so nobody stands.
  await asked.promise
  doomed.destroy()
  answers.abort()

  await using bus = await connectBus({ url: relay.url, name: 'another' })
  const answered = bus.request('sf.api.get', '', { timeoutMs: 30_000 })
  const stopped = await standing
  expect(stopped.by).toEqual({ kind: 'other', name: 'another' })
  stopped.release()
  expect(Buffer.from((await answered).data).toString()).toBe('here')
})

test('a server that is killed takes its connections along; clients come back through the relay', async () => {
  await using own = await startNats({ auth: false })
  await using relay = await openRelay({ upstream: own.url })
  const states: string[] = []
  const back = Promise.withResolvers<void>()
  await using bus = await connectBus({
    url: relay.url,
    name: 'somebody',
    onStatus: ({ kind }) => {
      states.push(kind)
      if (kind === 'reconnected') back.resolve()
    },
  })
  const standing = relay.stopAt(point('worker/beat before'), never)
  bus.publish('sf.beat.a.1', '')
  const stopped = await standing
  await own.kill9()
  await expect.poll(() => states.at(-1)).toBe('disconnected')
  await own.restart()
  await back.promise
  stopped.release()
  stopped.cut()
  const before = relay.seen.get('worker/beat')
  bus.publish('sf.beat.a.1', '')
  await bus.flush()
  expect(relay.seen.get('worker/beat')).toBe((before ?? 0) + 1)
})
