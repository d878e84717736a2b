import { createHash, randomBytes } from 'node:crypto'
import { connectBus, newId, openBlobs, openCall, SpecfleetError, subjects } from '@specfleet/shared'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Ground, type Infiltration, openGround, refusedBy, storesOf } from './infiltrate.ts'
import { publish } from './raw-client.ts'

const MOST_BYTES = 1024 * 1024

let ground: Ground
beforeAll(async () => {
  ground = await openGround({ SPECFLEET_SLOTS: '8', RUN_BLOBS_MAX_MB: '2' })
})
afterAll(async () => {
  await using ended = ground
  await ended.end()
})
beforeEach(({ onTestFailed }) => onTestFailed(() => ground.fleet.printLogs()))

const told = (hostile: Infiltration, ...how: Parameters<typeof refusedBy>) =>
  ground.fleet.until(hostile.scope.specId, refusedBy(...how))

test('a message may be as large as the limit, and not a byte larger', async () => {
  const hostile = await ground.infiltrate('large')
  const subject = subjects.trace(hostile.scope, 'agent.message')
  await using client = await hostile.enter()
  client.send(publish(subject, 'x'.repeat(MOST_BYTES)))
  await client.settled()
  const before = await storesOf(ground.fleet.app)
  client.send(publish(subject, 'x'.repeat(MOST_BYTES + 1)))
  await client.hears(({ verb, args }) => verb === '-ERR' && args.includes('more than 1048576 bytes'))
  expect(await storesOf(ground.fleet.app)).toEqual(before)
  await told(hostile, 'wire', 1, /more than 1048576 bytes/)
  hostile.gate.open()
})

test('a control line has an end, and what is no protocol is not carried', async () => {
  const hostile = await ground.infiltrate('babble')
  await using long = await hostile.enter()
  long.send(`SUB ${'a'.repeat(5_000)} 1\r\n`)
  await long.closed
  await using babble = await hostile.enter()
  babble.send('DELETE everything\r\n')
  await babble.closed
  await told(hostile, 'wire', 1, /no line of the protocol/)
  hostile.gate.open()
})

test('subscriptions and connections are counted', async () => {
  const hostile = await ground.infiltrate('many')
  await using client = await hostile.enter()
  for (let n = 1; n <= 60; n++) client.send(`SUB _INBOX.${n} ${n}\r\n`)
  await client.hears(({ verb, args }) => verb === '-ERR' && /maximum subscriptions/i.test(args))
  await told(hostile, 'bus', 1, /maximum subscriptions/i)

  // The worker has one, the client above another.
  await using _third = await hostile.enter()
  await using _fourth = await hostile.enter()
  await expect(hostile.enter()).rejects.toThrow('the bus said only []')
  await told(hostile, 'wire', 1, /more than 4 connections/)
  hostile.gate.open()
})

test('heartbeats that are none are counted', async () => {
  const hostile = await ground.infiltrate('palpitating')
  const { runId, epoch } = hostile.scope
  await using client = await hostile.enter()
  client.send(`${publish(subjects.beat(runId, epoch), 'rubbish')}${publish(subjects.beat(runId, epoch), '{"seq":-1}')}`)
  await told(hostile, 'beat', 2, /malformed/)
  hostile.gate.open()
})

/** Calls the desk as a worker would, with the patience of one. */
async function caller(hostile: Infiltration) {
  const bus = await connectBus({ url: `unix:${hostile.path}`, creds: hostile.creds, name: 'hostile caller' })
  const { runId, epoch } = hostile.scope
  /** Subjects of the frames of its calls, oldest first. */
  const frames: string[] = []
  return {
    frames,
    call: (service: 'blob' | 'model' | 'memory' | 'resume', meta: unknown, body?: Uint8Array) => {
      const call = newId()
      const up = subjects.deskFrames(runId, epoch, service, call)
      frames.push(up)
      const to = { open: subjects.desk(runId, epoch, service), up, down: subjects.down(runId, epoch, call), call }
      return openCall(bus, to, { meta, ...(body && { body }) })
    },
    [Symbol.asyncDispose]: () => bus.close(),
  }
}

test('the desk gives and takes only what is the run’s', async () => {
  const hostile = await ground.infiltrate('greedy')
  const secret = await (await openBlobs(ground.fleet.app)).put(randomBytes(1_000))
  const before = await storesOf(ground.fleet.app)
  await using desk = await caller(hostile)
  const sha256 = '0'.repeat(64)
  const refused: [Parameters<typeof desk.call>, string][] = [
    [['blob', { op: 'get', sha256: secret.sha256 }], 'desk.forbidden'],
    [['blob', { op: 'get', sha256: '../../etc/passwd' }], 'request.malformed'],
    [['blob', { op: 'put', sha256, bytes: 200 * MOST_BYTES }], 'blob.too-large'],
    [['blob', { op: 'put', sha256, bytes: 3 }, Buffer.from('lie')], 'blob.corrupt'],
    [['model', { method: 'POST', path: '/v1/files', headers: {} }], 'desk.forbidden'],
    [['model', { method: 'DELETE', path: '/v1/messages', headers: {} }], 'desk.forbidden'],
    [['model', { method: 'POST', path: 'http://127.0.0.1/', headers: {} }], 'request.malformed'],
    [['memory', { op: 'put', key: 'a.b', text: '' }], 'request.malformed'],
    [['memory', { op: 'put', key: 'a', text: 'x'.repeat(70_000) }], 'request.malformed'],
  ]
  for (const [request, code] of refused) {
    const thrown = await desk.call(...request).then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(thrown).toBeInstanceOf(SpecfleetError)
    expect(thrown).toMatchObject({ code })
  }
  expect(await storesOf(ground.fleet.app)).toEqual(before)
  await told(hostile, 'blob', 4)
  await told(hostile, 'model', 3)
  await told(hostile, 'desk', 2)
  hostile.gate.open()
})

test('what a run leaves behind as blobs has a limit in all', async () => {
  const hostile = await ground.infiltrate('hoarder')
  await using desk = await caller(hostile)
  const put = (content: Uint8Array) => {
    const sha256 = createHash('sha256').update(content).digest('hex')
    return desk.call('blob', { op: 'put', sha256, bytes: content.length }, content)
  }
  const first = randomBytes(1.5 * MOST_BYTES)
  await put(first)
  // The same again is no more than there is.
  await put(first)
  await expect(put(randomBytes(MOST_BYTES))).rejects.toMatchObject({ code: 'desk.quota' })
  await put(randomBytes(1_000))
  await told(hostile, 'blob', 1, /as much as a run may/)
  hostile.gate.open()
})

test('stored turns have a limit in all, and whoever passes it is told', async () => {
  const hostile = await ground.infiltrate('prolific')
  const subject = subjects.turn(hostile.scope)
  const message = publish(subject, 'x'.repeat(MOST_BYTES))
  await using client = await hostile.enter()
  const most = 128
  for (let n = 0; n < most + 2; n++) {
    client.send(message)
    if (n % 16 === 0) await client.settled()
  }
  await client.hears(({ verb, args }) => verb === '-ERR' && /bytes of turns/.test(args))
  const stored = Object.entries(await storesOf(ground.fleet.app)).find(([key]) => key === `SF_TURNS ${subject}`)
  expect(stored?.[1]).toBeLessThan(most + 1)
  await told(hostile, 'wire', 1, /bytes of turns/)
  hostile.gate.open()
}, 60_000)

test('frames of calls that were never opened, and of calls that are over, are counted', async () => {
  const hostile = await ground.infiltrate('belated')
  const { runId, epoch } = hostile.scope
  await using client = await hostile.enter()
  const never = publish(subjects.deskFrames(runId, epoch, 'blob', newId()), 'rubbish')
  {
    // A desk that has just come cannot know what was before it: one more with each sign of life.
    using _beats = ground.fleet.app.subscribe(subjects.beat(runId, epoch), () => client.send(never))
    await told(hostile, 'blob', 2, /a call that nobody serves/)
  }

  await using desk = await caller(hostile)
  // The desk knows a few that were over last: what comes for these is late.
  for (let n = 0; n < 20; n++) await desk.call('memory', { op: 'list' })
  const before = await storesOf(ground.fleet.app)
  const [over = '', ...others] = desk.frames
  for (const late of others.slice(-8)) client.send(publish(late, 'late'))
  for (let n = 0; n < 3; n++) client.send(publish(over, 'rubbish'))
  await told(hostile, 'desk', 3, /a call that nobody serves/)
  const { refusals } = (await ground.fleet.state('belated')).runs[0] ?? {}
  expect(refusals?.by.desk?.count).toBe(3)
  expect(await storesOf(ground.fleet.app)).toEqual(before)
  hostile.gate.open()
})
