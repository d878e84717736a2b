import { createHash } from 'node:crypto'
import {
  buryMessage,
  Epoch,
  lastTurnSeq,
  listDead,
  NO_USAGE,
  openBlobs,
  purgeTurns,
  readTurns,
  Sha256,
  SpecfleetError,
  storeTurn,
  type TurnRecord,
} from '@specfleet/shared'
import { expect, test } from 'vitest'
import { runOf, specOf, startBus } from './bus-fixture.ts'

const specId = specOf('spec1')
const runId = runOf('run1')
const scope = (epoch: number) => ({ specId, runId, epoch: Epoch.parse(epoch) })

const turnOf = (turn: number, content = 'said'): TurnRecord => ({
  v: 1,
  turn,
  conversation: 'explore',
  phase: 'explore',
  attempt: 1,
  messages: [{ role: 'user', content }],
  usage: NO_USAGE,
})

function sha256(bytes: Uint8Array): Sha256 {
  return Sha256.parse(createHash('sha256').update(bytes).digest('hex'))
}

const bytesOf = async (stream: ReadableStream<Uint8Array>): Promise<Uint8Array> =>
  new Uint8Array(await new Response(stream).arrayBuffer())

function inPieces(bytes: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) controller.close()
      else controller.enqueue(bytes.subarray(at, at + size))
      at += size
    },
  })
}

test('turns are read back in order, small and several times the payload limit', async () => {
  const { bus } = await startBus()
  const long = 'ü'.repeat(2_000_000)
  const { seq: first } = await storeTurn(bus, scope(1), turnOf(1))
  const { seq: second } = await storeTurn(bus, scope(1), turnOf(2, long))
  const { seq: third } = await storeTurn(bus, scope(2), turnOf(3))
  await storeTurn(bus, { ...scope(1), runId: runOf('other') }, turnOf(9))
  const turns = await readTurns(bus, specId, runId)
  expect(turns.map(({ turn, epoch, seq }) => ({ turn, epoch, seq }))).toEqual([
    { turn: 1, epoch: 1, seq: first },
    { turn: 2, epoch: 1, seq: second },
    { turn: 3, epoch: 2, seq: third },
  ])
  expect(turns[1]?.messages[0]?.content).toBe(long)
})

test('what an epoch stored behind its fence does not count, not even the last part of a turn', async () => {
  const { bus } = await startBus()
  await storeTurn(bus, scope(1), turnOf(1))
  const fence = await lastTurnSeq(bus)
  const { seq } = await storeTurn(bus, scope(1), turnOf(2, 'x'.repeat(3_000_000)))
  await storeTurn(bus, scope(2), turnOf(2))
  const at = async (limit: number): Promise<number[][]> => {
    const turns = await readTurns(bus, specId, runId, { limits: new Map([[1, limit]]) })
    return turns.map(({ epoch, turn }) => [epoch, turn])
  }
  expect(await at(fence)).toEqual([
    [1, 1],
    [2, 2],
  ])
  expect(await at(seq - 1)).toEqual([
    [1, 1],
    [2, 2],
  ])
  expect(await at(seq)).toEqual([
    [1, 1],
    [1, 2],
    [2, 2],
  ])
})

test('malformed and incomplete turns are skipped; a purge takes one run only', async () => {
  const { bus } = await startBus()
  const subject = 'sf.turn.spec1.run1.1'
  await bus.request(subject, 'rubbish', { timeoutMs: 5_000 })
  await bus.request(subject, '{"v":1}', { timeoutMs: 5_000, headers: { 'Sf-Part': 'set 1/2' } })
  await bus.request(subject, '{"v":1}', { timeoutMs: 5_000, headers: { 'Sf-Part': 'set 1/9999999' } })
  await storeTurn(bus, scope(1), turnOf(1))
  await storeTurn(bus, { ...scope(1), runId: runOf('other') }, turnOf(9))
  expect((await readTurns(bus, specId, runId)).map(({ turn }) => turn)).toEqual([1])
  await purgeTurns(bus, specId, runId)
  expect(await readTurns(bus, specId, runId)).toEqual([])
  expect(await readTurns(bus, specId, runOf('other'))).toHaveLength(1)
})

test('nobody reads more turns of a run than fit into memory', async () => {
  const { bus } = await startBus()
  for (const turn of [1, 2, 3]) await storeTurn(bus, scope(turn), turnOf(turn, 'x'.repeat(400_000)))
  expect(await readTurns(bus, specId, runId, { maxBytes: 2_000_000 })).toHaveLength(3)
  await expect(readTurns(bus, specId, runId, { maxBytes: 1_000_000 })).rejects.toMatchObject({ code: 'bus.too-large' })
})

test('a turn is stored over a kill and a restart of the server, once', async () => {
  const { nats, bus } = await startBus()
  await storeTurn(bus, scope(1), turnOf(1))
  await nats.kill9()
  const storing = storeTurn(bus, scope(1), turnOf(2, 'x'.repeat(3_000_000)))
  await nats.restart()
  await storing
  expect((await readTurns(bus, specId, runId)).map(({ turn }) => turn)).toEqual([1, 2])
})

test('a blob of 20 MB goes in as bytes or in pieces, once, and comes out the same', async () => {
  const { bus } = await startBus()
  const blobs = await openBlobs(bus)
  const bytes = new Uint8Array(20_000_000).map((_, index) => (index * 7919) % 251)
  const name = sha256(bytes)
  const [one, two] = await Promise.all([blobs.put(bytes), blobs.put(inPieces(bytes, 77_777))])
  expect([one, two]).toEqual([
    { sha256: name, bytes: bytes.length },
    { sha256: name, bytes: bytes.length },
  ])
  const found = await blobs.get(name)
  expect(found?.bytes).toBe(bytes.length)
  expect(found && sha256(await bytesOf(found.stream))).toBe(name)
  await blobs.delete(name)
  await blobs.delete(name)
  expect(await blobs.has(name)).toBe(false)
  expect(await blobs.get(name)).toBeUndefined()
  const state = await bus.requestJson('$JS.API.STREAM.INFO.OBJ_sf_blobs', {}, { timeoutMs: 5_000 })
  expect(state).toMatchObject({ state: { messages: 0 } })
})

test('an empty blob is one too; too large a one leaves nothing behind', async () => {
  const { bus } = await startBus()
  const blobs = await openBlobs(bus)
  const empty = await blobs.put(new Uint8Array())
  const found = await blobs.get(empty.sha256)
  expect(found && (await bytesOf(found.stream)).length).toBe(0)
  await expect(blobs.put(new Uint8Array(10), { maxBytes: 9 })).rejects.toMatchObject({ code: 'blob.too-large' })
  const large = inPieces(new Uint8Array(1_000_000), 10_000)
  await expect(blobs.put(large, { maxBytes: 500_000 })).rejects.toMatchObject({ code: 'blob.too-large' })
  const state = await bus.requestJson('$JS.API.STREAM.INFO.OBJ_sf_blobs', {}, { timeoutMs: 5_000 })
  expect(state).toMatchObject({ state: { messages: 1 } })
})

test('a blob whose content was changed or cut errors at its end instead of passing', async () => {
  const { bus } = await startBus()
  const blobs = await openBlobs(bus)
  const { sha256: name } = await blobs.put(new Uint8Array(300_000).fill(1))
  const whole = await blobs.get(name)
  await bus.request('$JS.API.STREAM.PURGE.OBJ_sf_blobs', JSON.stringify({ filter: '$O.sf_blobs.C.>', keep: 2 }), {
    timeoutMs: 5_000,
  })
  await expect(whole && bytesOf(whole.stream)).rejects.toMatchObject({ code: 'blob.corrupt' })
})

test('a source that fails in the middle of a put leaves nothing behind', async () => {
  const { bus } = await startBus()
  const blobs = await openBlobs(bus)
  let pieces = 0
  const failing = new ReadableStream<Uint8Array>({
    pull(controller) {
      pieces += 1
      if (pieces > 5) controller.error(new Error('source'))
      else controller.enqueue(new Uint8Array(200_000))
    },
  })
  await expect(blobs.put(failing)).rejects.toThrow('source')
  const state = await bus.requestJson('$JS.API.STREAM.INFO.OBJ_sf_blobs', {}, { timeoutMs: 5_000 })
  expect(state).toMatchObject({ state: { messages: 0 } })
})

test('a dead letter is kept whole, even at the payload limit, with its reason; newest first', async () => {
  const { bus } = await startBus()
  const error = { code: 'task.malformed', message: 'the task is not valid: süß', next: 'correct it' }
  const largest = new Uint8Array(bus.maxPayload).map((_, index) => index % 251)
  const headers = { 'Nats-Msg-Id': 'x', Note: 'two\r\nlines' }
  await buryMessage(bus, 'first', { seq: 1, subject: 'sf.task.high.spec', data: new Uint8Array(), headers: {} }, error)
  await buryMessage(bus, 'task.malformed >', { seq: 2, subject: 'sf.task.high.spec', data: largest, headers }, error)
  const letters = await listDead(bus, { limit: 10 })
  expect(letters.map(({ reason, subject }) => [reason, subject])).toEqual([
    ['task-malformed-', 'sf.task.high.spec'],
    ['first', 'sf.task.high.spec'],
  ])
  expect(letters[0]?.error).toEqual(error)
  expect(Buffer.from(letters[0]?.data ?? []).equals(Buffer.from(largest))).toBe(true)
  expect(await listDead(bus, { limit: 1 })).toHaveLength(1)
})

test('a message that comes again before it was acknowledged is buried once', async () => {
  const { bus } = await startBus()
  const error = { code: 'task.malformed', message: 'the task is not valid', next: 'correct it' }
  const data = new Uint8Array(bus.maxPayload).fill(1)
  const bury = (seq: number) =>
    buryMessage(bus, 'again', { seq, subject: 'sf.task.high.spec', data, headers: {} }, error)
  await bury(1)
  await bury(1)
  await bury(2)
  const letters = await listDead(bus, { limit: 10 })
  expect(letters.map(({ data: { byteLength } }) => byteLength)).toEqual([bus.maxPayload, bus.maxPayload])
})

test('a blob whose acknowledgement was lost, and which the server has forgotten having taken, is there', async () => {
  const { bus } = await startBus()
  const blobs = await openBlobs(bus)
  const content = new TextEncoder().encode('stored once')
  const request = bus.request.bind(bus)
  let lost = 0
  bus.request = async (subject, data, options) => {
    if (!subject.startsWith('$O.sf_blobs.M.')) return request(subject, data, options)
    lost += 1
    // Another id stands for a server that remembers none.
    const headers = { ...options.headers, 'Nats-Msg-Id': `forgotten-${lost}` }
    const answer = await request(subject, data, { ...options, headers })
    if (lost === 1) throw new SpecfleetError('bus.timeout', 'the answer was lost')
    return answer
  }
  const { sha256: name } = await blobs.put(content)
  expect(lost).toBe(2)
  const blob = await blobs.get(name)
  expect(blob === undefined ? undefined : await bytesOf(blob.stream)).toEqual(content)
})
