import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Bus, connectBus, newId, openCall, type SandboxScope, subjects } from '@specfleet/shared'
import * as z from 'zod'
import { systemClock as clock } from '../../packages/orchestrator/src/clock.ts'
import { openLog } from '../../packages/orchestrator/src/log.ts'
import { openForwarder } from '../../packages/orchestrator/src/providers/wire/forwarder.ts'
import type { Benchmark, Figure } from './benchmark.ts'
import { interleave, timed } from './interleave.ts'
import { openStage, type Stage } from './stage.ts'
import { conceive } from './worker-births.ts'

/** Sends so many bytes, reads so many back, and is done when the last has come. */
type Exchange = (up: number, down: number) => Promise<void>

const SMALL = 200
const LARGE = 20_000_000
const PAYLOAD = new Uint8Array(LARGE)
/** Round trips in a row that make one measurement. */
const TRIPS = 30

export const tunnel: Benchmark = {
  name: 'tunnel',
  about: 'calls over the bus to another process, beside HTTP to the same process over loopback',
  async run(signal) {
    await using stage = await openStage()
    await using peer = await startPeer(stage)
    await using ways = await openWays(stage)
    using direct = overHttp(peer.port)
    const figures: Figure[] = []
    for (const [name, unit, measure, rounds] of MEASURES) {
      const { http, ...measured } = await interleave(
        {
          http: () => measure(direct.exchange),
          account: () => measure(ways.account),
          wire: () => measure(ways.wire),
          sameAccount: () => measure(ways.sameAccount),
        },
        { rounds, signal },
      )
      const engine = { name: 'HTTP over loopback', summary: http }
      figures.push(
        { name: `${name}, from a sandbox's account`, unit, ours: measured.account, engine },
        { name: `${name}, the same through its wire`, unit, ours: measured.wire, engine },
        { name: `${name}, within one account`, unit, ours: measured.sameAccount, engine },
      )
    }
    return figures
  },
}

const MEASURES: readonly (readonly [string, Figure['unit'], (exchange: Exchange) => Promise<number>, number])[] = [
  ['round trip', 'ms', roundTrip, 11],
  ['up', 'MB/s', (exchange) => rate(() => exchange(LARGE, SMALL)), 5],
  ['down', 'MB/s', (exchange) => rate(() => exchange(SMALL, LARGE)), 5],
]

async function roundTrip(exchange: Exchange): Promise<number> {
  const ms = await timed(async () => {
    for (let trip = 0; trip < TRIPS; trip++) await exchange(SMALL, SMALL)
  })
  return ms / TRIPS
}

const rate = async (carry: () => Promise<void>): Promise<number> => LARGE / 1e6 / ((await timed(carry)) / 1000)

async function drain(body: AsyncIterable<Uint8Array>): Promise<number> {
  let count = 0
  for await (const chunk of body) count += chunk.length
  return count
}

function expectBytes(came: { up: number; down: number }, sent: { up: number; down: number }): void {
  if (came.up !== sent.up || came.down !== sent.down)
    throw new Error(`sent ${JSON.stringify(sent)}, came ${JSON.stringify(came)}`)
}

/** Node's own client over one kept connection: nothing direct is faster. */
function overHttp(port: number): { readonly exchange: Exchange } & Disposable {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const options = { host: '127.0.0.1', port, method: 'POST', agent }
  return {
    exchange: async (up, down) => {
      const sending = request({ ...options, headers: { down, 'content-length': up } })
      const answered = once(sending, 'response')
      sending.end(PAYLOAD.subarray(0, up))
      const [answer] = await answered
      expectBytes({ up: Number(answer.headers.up), down: await drain(answer) }, { up, down })
    },
    [Symbol.dispose]: () => agent.destroy(),
  }
}

const Answer = z.object({ up: z.number() })

const overBus =
  (bus: Bus, { runId, epoch }: SandboxScope): Exchange =>
  async (up, down) => {
    const call = newId()
    const address = {
      open: subjects.desk(runId, epoch, 'model'),
      up: subjects.deskFrames(runId, epoch, 'model', call),
      down: subjects.down(runId, epoch, call),
      call,
    }
    const { meta, body } = await openCall(bus, address, { meta: { down }, body: PAYLOAD.subarray(0, up) })
    expectBytes({ up: Answer.parse(meta).up, down: await drain(body) }, { up, down })
  }

async function startPeer({ nats }: Stage): Promise<{ readonly port: number } & AsyncDisposable> {
  const child = fork(fileURLToPath(new URL('./tunnel-peer.ts', import.meta.url)), { execArgv: [] })
  const exited = once(child, 'exit')
  child.send({ url: nats.url, creds: nats.orchestratorCreds })
  const [message] = await once(child, 'message')
  const { port } = z.object({ port: z.number() }).parse(message)
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      if (child.connected) child.disconnect()
      await exited
    },
  }
}

type Ways = AsyncDisposable & Readonly<Record<'account' | 'wire' | 'sameAccount', Exchange>>

/** From where a call can come: a sandbox's account, the same behind the unix socket of a sandbox, our own account. */
async function openWays(stage: Stage): Promise<Ways> {
  await using stack = new AsyncDisposableStack()
  const birth = await conceive(stage)
  const open = async (url: string, creds: string) => stack.use(await connectBus({ url, creds, name: 'bench caller' }))
  const wire = stack.use(await openWire(stage))
  const [account, behindWire, sameAccount] = [
    await open(stage.nats.url, birth.creds),
    await open(wire.url, birth.creds),
    await open(stage.nats.url, stage.nats.orchestratorCreds),
  ]
  const owned = stack.move()
  return {
    account: overBus(account, birth.scope),
    wire: overBus(behindWire, birth.scope),
    sameAccount: overBus(sameAccount, (await conceive(stage)).scope),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** A sandbox's way to the bus: the forwarder process, its unix socket, and the proxy inside the worker. */
async function openWire({ folder, nats }: Stage): Promise<{ readonly url: string } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const sandboxes = join(folder, 'sandboxes')
  const forwarder = stack.use(
    await openForwarder({
      root: join(folder, 'wire'),
      sandboxes,
      busAddresses: [`127.0.0.1:${nats.port}`],
      clock,
      log: openLog({ level: 'warn', now: clock.now, write: (line) => console.error(line) }),
    }),
  )
  const socketFolder = join(sandboxes, 'caller', 'wire')
  await mkdir(socketFolder, { recursive: true })
  await forwarder.open('caller')
  stack.defer(() => forwarder.close('caller'))
  const owned = stack.move()
  return { url: `unix:${join(socketFolder, 'bus.sock')}`, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
