import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Epoch, openCredentialMint, subjects } from '@specfleet/shared'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import type { Untold } from '../../../packages/orchestrator/src/providers/wire/refusals.ts'
import { openWire, WIRE_LIMITS } from '../../../packages/orchestrator/src/providers/wire/wire.ts'
import { isError, openRawClient } from '../../e2e/hostile/raw-client.ts'
import { condition, connectTo, runOf, specOf, startBus } from '../bus-fixture.ts'

const MOST_BYTES = WIRE_LIMITS.longest
const LARGE = 40
const scope = { specId: specOf('spec1'), runId: runOf('run1'), epoch: Epoch.parse(1) }
const unlimited = { burst: 1e12, perSecond: 1e12 }

/** As a client writes it, and whether it is within the limit of a message. */
type Written = { readonly head: string; readonly bytes: number; readonly fits: boolean; readonly mark: number }

/** On subjects that are the sandbox's own, with and without headers: only the length is wrong. */
const written = (over: fc.Arbitrary<number>, fits: boolean): fc.Arbitrary<Omit<Written, 'mark'>> =>
  fc
    .record({
      bytes: over,
      headers: fc.option(
        fc.stringMatching(/^[A-Za-z]{1,20}$/).map((value) => `NATS/1.0\r\nX-A: ${value}\r\n\r\n`),
        { nil: '' },
      ),
      subject: fc.constantFrom(
        subjects.beat(scope.runId, scope.epoch),
        subjects.desk(scope.runId, scope.epoch, 'blob'),
        subjects.deskFrames(scope.runId, scope.epoch, 'blob', 'call'),
      ),
    })
    .map(({ bytes, headers, subject }) => ({
      bytes: bytes - headers.length,
      head: headers === '' ? `PUB ${subject} ${bytes}\r\n` : `HPUB ${subject} ${headers.length} ${bytes}\r\n${headers}`,
      fits,
    }))
const tooLarge = written(fc.integer({ min: MOST_BYTES + 1, max: MOST_BYTES + 5_000 }), false)
const fitting = written(fc.integer({ min: 100, max: 200 }), true)

async function startWorld() {
  const { nats, bus: app } = await startBus()
  const system = await connectTo(nats, nats.systemCreds)
  const { operatorSigningSeed, kit, url } = nats
  const now = (): Date => new Date()
  const mint = openCredentialMint({ system, app, operatorSigningSeed, appAccountId: kit.appAccountId, now })
  onTestFinished(() => mint[Symbol.asyncDispose]())
  const { creds } = await mint.mint(scope, { expiresAt: new Date(Date.now() + 3_600_000) })
  const { hostname, port } = new URL(url)
  return { app, creds, upstream: { host: hostname, port: Number(port) } }
}

test(`${LARGE} messages over the limit among others: each is counted, none passes, and the others all do`, async () => {
  const { app, creds, upstream } = await startWorld()
  const folder = mkdtempSync(join(tmpdir(), 'specfleet-oversize-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const told: Untold[] = []
  const limits = { ...WIRE_LIMITS, messages: unlimited, bytesUp: unlimited, bytesDown: unlimited }
  const onRefused = (untold: Untold) => told.push(untold) > 0
  const wire = await openWire({ name: 'one', folder, limits, upstreams: () => [upstream], onIdle: () => {}, onRefused })
  onTestFinished(() => wire.close())

  const sent: Written[] = [...fc.sample(tooLarge, LARGE), ...fc.sample(fitting, 5 * LARGE)]
    .toSorted((one, other) => (one.bytes % 97) - (other.bytes % 97))
    .map((each, mark) => ({ ...each, mark }))
  const passed: number[] = []
  const all = condition(() => passed.length >= 5 * LARGE)
  const heard = app.subscribe('sf.>', ({ data }) => {
    passed.push(Number(Buffer.from(data.subarray(0, 8)).toString('latin1')))
    all.check()
  })
  onTestFinished(() => heard.unsubscribe())
  await app.flush()
  await using client = await openRawClient({ path: join(folder, 'bus.sock') }, creds)
  for (const { head, bytes, mark } of sent) client.send(`${head}${String(mark).padEnd(bytes, ' ')}\r\n`)
  await client.settled()
  await all.met
  await client.hears(() => client.heard.filter(isError).length === LARGE)
  wire.tell()
  expect(told.every(({ by, lastReason }) => by === 'wire' && /more than 1048576 bytes/.test(lastReason))).toBe(true)
  expect(told.reduce((sum, { count }) => sum + count, 0)).toBe(LARGE)
  expect(passed).toEqual(sent.filter(({ fits }) => fits).map(({ mark }) => mark))
})

test('past the wire the server itself refuses each, and closes', async () => {
  const { app, creds, upstream } = await startWorld()
  let passed = 0
  const heard = app.subscribe('sf.>', () => {
    passed += 1
  })
  onTestFinished(() => heard.unsubscribe())
  await app.flush()
  for (const { head } of fc.sample(tooLarge, 10)) {
    await using client = await openRawClient(upstream, creds)
    await client.settled()
    // Its line alone: a server that closes with bytes unread resets the connection, and its word is lost with it.
    client.send(`${head.slice(0, head.indexOf('\r\n'))}\r\n`)
    await client.hears(({ verb, args }) => verb === '-ERR' && /maximum payload/i.test(args))
    await client.closed
  }
  await app.flush()
  expect(passed).toBe(0)
})
