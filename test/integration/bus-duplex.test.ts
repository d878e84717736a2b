import { createHash } from 'node:crypto'
import {
  type Bus,
  type CallAddress,
  type CallAnswer,
  type CallServer,
  Epoch,
  type IncomingCall,
  MessageId,
  newId,
  openCall,
  openCredentialMint,
  type ServeCallsOptions,
  SpecfleetError,
  serveCalls,
  subjects,
} from '@specfleet/shared'
import type { SecuredTestNats } from '@specfleet/testkit'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { encodeFrame, encodeHead, type FrameKind } from '../../packages/shared/src/bus/duplex/frames.ts'
import { condition, connectTo, idOf, runOf, specOf, startBus } from './bus-fixture.ts'

const MB = 1_000_000
const runId = runOf('run1')
const epoch = Epoch.parse(2)

function address(call = newId()): CallAddress {
  return {
    call,
    open: subjects.desk(runId, epoch, 'model'),
    up: subjects.deskFrames(runId, epoch, 'model', call),
    down: subjects.down(runId, epoch, call),
  }
}

type World = { nats: SecuredTestNats; desk: Bus; sandbox: Bus }

/** A desk in the orchestrators' account and a sandbox in its own. */
async function startWorld(): Promise<World> {
  const { nats, bus: desk } = await startBus()
  const system = await connectTo(nats, nats.systemCreds)
  const { operatorSigningSeed, kit } = nats
  const now = (): Date => new Date()
  const mint = openCredentialMint({ system, app: desk, operatorSigningSeed, appAccountId: kit.appAccountId, now })
  onTestFinished(() => mint[Symbol.asyncDispose]())
  const scope = { specId: specOf('spec1'), runId, epoch }
  const { creds } = await mint.mint(scope, { expiresAt: new Date(Date.now() + 3_600_000) })
  return { nats, desk, sandbox: await connectTo(nats, creds) }
}

async function serve(
  desk: Bus,
  handler: (call: IncomingCall) => Promise<CallAnswer>,
  options: Partial<ServeCallsOptions> = {},
): Promise<CallServer> {
  const server = serveCalls(desk, { subject: subjects.desk('*', '*', 'model'), queue: 'desk', handler, ...options })
  onTestFinished(() => server[Symbol.asyncDispose]())
  await desk.flush()
  return server
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const bytesOf = async (stream: ReadableStream<Uint8Array>): Promise<Uint8Array> =>
  new Uint8Array(await new Response(stream).arrayBuffer())
const pattern = (length: number): Uint8Array =>
  new Uint8Array(length).map((_, index) => (index * 31 + (index >> 8)) % 256)

/** Pieces of changing sizes, made only when they are asked for. */
function pieces(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0
  let size = 1
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close()
      controller.enqueue(bytes.subarray(at, at + size))
      at += size
      size = (size * 7) % 300_007
    },
  })
}

/** Resolves when the server serves nothing any more. */
async function idle(server: CallServer, bus: Bus): Promise<void> {
  while (server.active > 0) await bus.flush()
}

test('a small call is one question and one answer, with meta and body both ways', async () => {
  const { desk, sandbox } = await startWorld()
  const server = await serve(desk, async (call) => {
    expect(call.subject).toBe('sf.desk.run1.2.model')
    return { meta: { asked: call.meta }, body: await bytesOf(call.body) }
  })
  const { meta, body } = await openCall(sandbox, address(), { meta: { a: 'ü' }, body: Uint8Array.of(1, 2, 3) })
  expect(meta).toEqual({ asked: { a: 'ü' } })
  expect(await bytesOf(body)).toEqual(Uint8Array.of(1, 2, 3))
  const bare = await openCall(sandbox, address(), { meta: undefined })
  expect(bare.meta).toEqual({})
  expect((await bytesOf(bare.body)).length).toBe(0)
  await idle(server, desk)
})

test('20 MB go up and 20 MB come down at the same time, in order, over a 1 MB payload limit', async () => {
  const { desk, sandbox } = await startWorld()
  const up = pattern(20 * MB)
  const down = pattern(20 * MB + 17).reverse()
  let received = ''
  const taken = Promise.withResolvers<void>()
  const server = await serve(desk, async (call) => {
    const reading = bytesOf(call.body).then((bytes) => {
      received = sha256(bytes)
      taken.resolve()
    })
    let sent = false
    const answer = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (sent) {
          await reading
          controller.close()
        } else {
          sent = true
          controller.enqueue(down)
        }
      },
    })
    return { meta: 'both', body: answer }
  })
  const { body } = await openCall(sandbox, address(), { meta: null, body: pieces(up) })
  expect(sha256(await bytesOf(body))).toBe(sha256(down))
  await taken.promise
  expect(received).toBe(sha256(up))
  await idle(server, desk)
})

test('a meta larger than a message travels too', async () => {
  const { desk, sandbox } = await startWorld()
  await serve(desk, async (call) => ({ meta: { back: call.meta }, body: await bytesOf(call.body) }))
  const meta = { text: 'ü'.repeat(1_500_000) }
  const answer = await openCall(sandbox, address(), { meta, body: pieces(pattern(300_000)) })
  expect(answer.meta).toEqual({ back: meta })
  expect(sha256(await bytesOf(answer.body))).toBe(sha256(pattern(300_000)))
})

test('a reader that takes nothing stops its sender at the window, both ways', async () => {
  const { desk, sandbox } = await startWorld()
  const windowBytes = 256 * 1024
  const made = { up: 0, down: 0 }
  const endless = (way: 'up' | 'down'): ReadableStream<Uint8Array> =>
    new ReadableStream({
      pull(controller) {
        made[way] += 10_000
        controller.enqueue(new Uint8Array(10_000))
      },
    })
  const held = Promise.withResolvers<IncomingCall>()
  await serve(
    desk,
    async (call) => {
      held.resolve(call)
      return { meta: null, body: endless('down') }
    },
    { windowBytes },
  )
  const { body } = await openCall(sandbox, address(), { meta: null, body: endless('up') }, { windowBytes })
  const call = await held.promise
  for (let round = 0; round < 200; round += 1) await Promise.all([desk.flush(), sandbox.flush()])
  for (const way of ['up', 'down'] as const) {
    expect(made[way]).toBeGreaterThan(windowBytes / 2)
    expect(made[way]).toBeLessThan(windowBytes + 3 * 10_000)
  }
  const [fromUp, fromDown] = [call.body.getReader(), body.getReader()]
  for (let read = 0; read < 10 * windowBytes; ) read += (await fromUp.read()).value?.length ?? 0
  for (let read = 0; read < 10 * windowBytes; ) read += (await fromDown.read()).value?.length ?? 0
  expect(made.up).toBeLessThan(11 * windowBytes + 3 * 10_000)
  await fromDown.cancel()
})

test('the caller cancels: its body errors with its own reason, the handler hears it, the sources are let go', async () => {
  const { desk, sandbox } = await startWorld()
  const letGo = Promise.withResolvers<unknown>()
  const heard = Promise.withResolvers<unknown>()
  const server = await serve(desk, async (call) => {
    call.signal.addEventListener('abort', () => heard.resolve(call.signal.reason))
    return {
      meta: null,
      body: new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(1_000)),
        cancel: letGo.resolve,
      }),
    }
  })
  const stop = new AbortController()
  const { body } = await openCall(sandbox, address(), { meta: null }, { signal: stop.signal })
  const reader = body.getReader()
  await reader.read()
  const reason = new Error('mine')
  stop.abort(reason)
  await expect(reader.read()).rejects.toBe(reason)
  expect(await heard.promise).toMatchObject({ code: 'duplex.cancelled' })
  await letGo.promise
  await idle(server, desk)
  await expect(openCall(sandbox, address(), { meta: null }, { signal: stop.signal })).rejects.toBe(reason)
})

test('a caller that stops waiting for the head, and one that stops reading, end the call on the other side', async () => {
  const { desk, sandbox } = await startWorld()
  let calls = 0
  const server = await serve(desk, (call) => {
    calls += 1
    if (calls === 2)
      return Promise.resolve({ meta: null, body: new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(9)) }) })
    return new Promise((_, reject) => call.signal.addEventListener('abort', () => reject(call.signal.reason)))
  })
  const stop = new AbortController()
  const waiting = openCall(sandbox, address(), { meta: null }, { signal: stop.signal })
  while (server.active === 0) await desk.flush()
  stop.abort(new Error('no longer'))
  await expect(waiting).rejects.toThrow('no longer')
  await idle(server, desk)
  const { body } = await openCall(sandbox, address(), { meta: null })
  await body.cancel('enough')
  await idle(server, desk)
})

test("the handler's errors reach the caller by their code; what is no error of ours keeps its text", async () => {
  const { desk, sandbox } = await startWorld()
  const told: unknown[] = []
  let error: Error = new SpecfleetError('desk.forbidden', 'it is fenced')
  const server = await serve(desk, () => Promise.reject(error), { onError: (_, thrown) => told.push(thrown) })
  const asked = (): Promise<unknown> => openCall(sandbox, address(), { meta: null })
  await expect(asked()).rejects.toMatchObject({ code: 'desk.forbidden', message: expect.stringContaining('fenced') })
  expect(told).toEqual([])
  error = new Error('password=secret')
  await expect(asked()).rejects.toMatchObject({ code: 'internal', message: expect.not.stringContaining('secret') })
  expect(told).toEqual([error])
  await idle(server, desk)
})

test('an answer that fails in the middle errors the body it began', async () => {
  const { desk, sandbox } = await startWorld()
  let pulls = 0
  await serve(desk, async () => ({
    meta: null,
    body: new ReadableStream({
      pull(controller) {
        pulls += 1
        if (pulls > 3) controller.error(new SpecfleetError('model.upstream', 'reset'))
        else controller.enqueue(new Uint8Array(100_000))
      },
    }),
  }))
  const { body } = await openCall(sandbox, address(), { meta: null })
  await expect(bytesOf(body)).rejects.toMatchObject({ code: 'model.upstream' })
})

test('nobody there is known at once; a desk that stops tells its callers', async () => {
  const { desk, sandbox } = await startWorld()
  await expect(openCall(sandbox, address(), { meta: null })).rejects.toMatchObject({ code: 'duplex.refused' })
  const server = await serve(desk, (call) => new Promise((_, reject) => call.signal.addEventListener('abort', reject)))
  const waiting = openCall(sandbox, address(), { meta: null })
  const outcome = expect(waiting).rejects.toMatchObject({ code: 'duplex.cancelled' })
  while (server.active === 0) await desk.flush()
  await server[Symbol.asyncDispose]()
  await outcome
  expect(server.active).toBe(0)
})

test('a peer that takes the call and falls silent is stalled, on either side', async () => {
  const { desk, sandbox } = await startWorld()
  const silent = desk.subscribe('sf.desk.*.*.model', (message) =>
    message.respond(JSON.stringify({ ok: true, windowBytes: 1e6, idleMs: 1e6 })),
  )
  await desk.flush()
  const options = { idleMs: 300 }
  await expect(openCall(sandbox, address(), { meta: null }, options)).rejects.toMatchObject({ code: 'duplex.stalled' })
  silent.unsubscribe()
  const heard = Promise.withResolvers<unknown>()
  const server = await serve(
    desk,
    (call) =>
      new Promise((_, reject) =>
        call.signal.addEventListener('abort', () => {
          heard.resolve(call.signal.reason)
          reject(call.signal.reason)
        }),
      ),
    options,
  )
  const head = { v: 1 as const, call: idOf('c1'), windowBytes: 1e6, idleMs: 1e6, meta: null, end: true }
  await sandbox.request(
    address().open,
    encodeFrame({ kind: 'open', seq: 0, payload: encodeHead(head, new Uint8Array()) }),
    {
      timeoutMs: 5_000,
    },
  )
  expect(await heard.promise).toMatchObject({ code: 'duplex.stalled' })
  await idle(server, desk)
})

test('a call that is silent for long on purpose is kept alive by both sides', async () => {
  const { desk, sandbox } = await startWorld()
  const answer = Promise.withResolvers<void>()
  let pings = 0
  const enough = condition(() => pings >= 6)
  desk.subscribe('sf.desk.*.*.model.*', () => {
    pings += 1
    enough.check()
  })
  await serve(
    desk,
    async () => {
      await answer.promise
      return { meta: 'late' }
    },
    { idleMs: 400 },
  )
  const asking = openCall(sandbox, address(), { meta: null }, { idleMs: 400 })
  await enough.met
  answer.resolve()
  expect((await asking).meta).toBe('late')
})

test('a lost, a repeated and an overspent frame break the call and nothing else', async () => {
  const { desk, sandbox } = await startWorld()
  const windowBytes = 64 * 1024
  const ends: unknown[] = []
  const server = await serve(
    desk,
    async (call) => {
      try {
        return { meta: null, body: await bytesOf(call.body) }
      } catch (thrown) {
        ends.push(thrown)
        throw thrown
      }
    },
    { windowBytes },
  )
  const frame = (kind: FrameKind, seq: number, payload = new Uint8Array()): Uint8Array =>
    encodeFrame({ kind, seq, payload })
  const sequences = [
    [frame('data', 1), frame('data', 3)],
    [frame('data', 1), frame('data', 1)],
    [frame('data', 1, new Uint8Array(windowBytes + 1))],
    [frame('end', 1), frame('end', 2)],
    [frame('credit', 1, new Uint8Array(3))],
    [frame('open', 1)],
    [frame('head', 1)],
    [new Uint8Array()],
  ]
  for (const [index, frames] of sequences.entries()) {
    const to = address(`c${index}`)
    const head = { v: 1 as const, call: idOf(to.call), windowBytes: 1e6, idleMs: 60_000, meta: null, end: false }
    await sandbox.request(to.open, encodeFrame({ kind: 'open', seq: 0, payload: encodeHead(head, new Uint8Array()) }), {
      timeoutMs: 5_000,
    })
    for (const bytes of frames) sandbox.publish(to.up, bytes)
    await sandbox.flush()
    await idle(server, desk)
  }
  // A body that ended well was answered before its second end came.
  expect(ends.length).toBeGreaterThanOrEqual(sequences.length - 1)
  for (const end of ends) expect(end).toMatchObject({ code: 'duplex.broken' })
  expect((await openCall(sandbox, address(), { meta: 1 })).meta).toBeNull()
})

test('an opening that its caller has given up is never heard of again; one that is waited for is', async () => {
  const { desk, sandbox } = await startWorld()
  const ends = new Map<unknown, Promise<unknown>>()
  const server = await serve(
    desk,
    async ({ meta, heard }) => {
      const end = heard.then(
        () => 'heard',
        (error: unknown) => (error instanceof SpecfleetError ? error.code : error),
      )
      ends.set(meta, end)
      await heard
      return { meta }
    },
    { idleMs: 500 },
  )
  const { call, open } = address()
  const head = { v: 1 as const, call: MessageId.parse(call), meta: 'late', end: true, windowBytes: 9_000, idleMs: 500 }
  sandbox.publish(open, encodeFrame({ kind: 'open', seq: 0, payload: encodeHead(head, new Uint8Array()) }))
  expect((await openCall(sandbox, address(), { meta: 'in time' })).meta).toBe('in time')
  expect(await ends.get('in time')).toBe('heard')
  expect(await ends.get('late')).toBe('duplex.stalled')
  await idle(server, desk)
})

test('rubbish on every subject of a desk is counted and hurts nobody', async () => {
  const { desk, sandbox } = await startWorld()
  let refused = 0
  const errors: unknown[] = []
  const server = await serve(desk, async (call) => ({ meta: call.meta, body: await bytesOf(call.body) }), {
    maxCallsPerPeer: 1_000,
    maxCalls: 1_000,
    idleMs: 500,
    onRefused: () => {
      refused += 1
    },
    onError: (_, thrown) => errors.push(thrown),
  })
  const rubbish = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.json().map((json) => encodeFrame({ kind: 'open', seq: 0, payload: Buffer.from(`\0\0\0\x10${json}`) })),
  )
  const samples = fc.sample(rubbish, 3_000)
  for (const bytes of samples) sandbox.publish(address().open, bytes, { reply: '_INBOX.nowhere' })
  const to = address()
  const kinds: FrameKind[] = ['open', 'head', 'data', 'end', 'credit', 'cancel', 'ping']
  for (const [index, bytes] of samples.entries()) {
    sandbox.publish(to.up, bytes)
    sandbox.publish(to.up, encodeFrame({ kind: kinds[index % 7] ?? 'ping', seq: index, payload: bytes }))
  }
  const { meta } = await openCall(sandbox, address(), { meta: 'still here' })
  expect(meta).toBe('still here')
  expect(refused).toBe(samples.length)
  expect(errors).toEqual([])
  await idle(server, desk)
})

test('more calls than allowed are refused at once, and a place is free again afterwards', async () => {
  const { desk, sandbox } = await startWorld()
  const open = Promise.withResolvers<void>()
  const refusals: string[] = []
  const server = await serve(
    desk,
    async () => {
      await open.promise
      return { meta: 'served' }
    },
    { maxCallsPerPeer: 2, onRefused: (subject) => refusals.push(subject) },
  )
  const two = [openCall(sandbox, address('a'), { meta: null }), openCall(sandbox, address('b'), { meta: null })]
  while (server.active < 2) await desk.flush()
  for (const call of ['c', 'a']) {
    await expect(openCall(sandbox, address(call), { meta: null })).rejects.toMatchObject({ code: 'duplex.refused' })
  }
  expect(refusals).toEqual(['sf.desk.run1.2.model', 'sf.desk.run1.2.model'])
  open.resolve()
  expect((await Promise.all(two)).map(({ meta }) => meta)).toEqual(['served', 'served'])
  await idle(server, desk)
  expect((await openCall(sandbox, address('c'), { meta: null })).meta).toBe('served')
})

test('a server kill in the middle of a call ends it with an error, and the next call goes through', async () => {
  const { nats, desk, sandbox } = await startWorld()
  const server = await serve(
    desk,
    async (call) => {
      if (call.meta === 'short') return { meta: 'short' }
      return { meta: null, body: new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(50_000)) }) }
    },
    { idleMs: 2_000 },
  )
  const { body } = await openCall(sandbox, address(), { meta: null }, { idleMs: 2_000 })
  const reader = body.getReader()
  await reader.read()
  await nats.kill9()
  const draining = (async () => {
    for (;;) if ((await reader.read()).done) return 'ended well'
  })()
  await nats.restart()
  await expect(draining).rejects.toMatchObject({ code: expect.stringMatching(/^duplex\.(broken|stalled)$/) })
  const short = async (): Promise<unknown> => {
    for (;;) {
      try {
        return (await openCall(sandbox, address(), { meta: 'short' })).meta
      } catch (thrown) {
        // The desk has not found its way back yet.
        if (!(thrown instanceof SpecfleetError) || thrown.code !== 'duplex.refused') throw thrown
      }
    }
  }
  expect(await short()).toBe('short')
  await idle(server, desk)
})
