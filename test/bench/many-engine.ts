/**
 * One process of the benchmark `many`: an engine whose sandboxes are scripted workers in it. Each works for a time
 * that its spec's id and the seed decide, unless it is told to end.
 *
 *   node many-engine.ts <seed> <shortest> <longest, in milliseconds>
 *
 * `NATS_URL` and `NATS_CREDS` say where. Says `ready` on standard output.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { type Bus, connectBus, hostNowMs, NO_USAGE, SandboxId } from '@specfleet/shared'
import { runScriptedWorker, type Script, type ScriptedWorker } from '../../packages/testkit/src/scripted-worker.ts'
import { CreateRequest, type Inmate, wire } from './scale-wire.ts'

const [seed = 0, shortestMs = 0, longestMs = 0] = process.argv.slice(2).map(Number)
const { NATS_URL: url = '', NATS_CREDS: credsFile = '' } = process.env
const bus = await connectBus({ url, creds: await readFile(credsFile, 'utf8'), name: 'bench engine' })
serve(bus)
await bus.flush()
process.stdout.write('ready\n')

function serve(bus: Bus): void {
  const inmates = new Map<SandboxId, Inmate & { readonly kill: AbortController }>()
  const lives: number[] = []
  bus.subscribe(wire.create(0), (message) => {
    const { env, id, labels } = CreateRequest.parse(message.json())
    message.respond('{}')
    if (inmates.has(id)) return
    const startedAt = hostNowMs()
    const kill = new AbortController()
    const inmate = { id, labels, exited: false, kill }
    inmates.set(id, inmate)
    const over = () => {
      lives.push(hostNowMs() - startedAt)
      inmate.exited = true
      bus.publish(wire.exited, JSON.stringify(id))
    }
    void runScriptedWorker({ ...env, BUS_URL: url, WORKSPACE: '/nowhere' }, work, kill.signal).then(over, over)
  })
  bus.subscribe(wire.destroy(0), (message) => {
    const id = SandboxId.parse(message.json())
    inmates.get(id)?.kill.abort(new Error('killed'))
    inmates.delete(id)
    message.respond('{}')
  })
  bus.subscribe(wire.list(0), (message) =>
    message.respond(JSON.stringify([...inmates.values()].map(({ id, labels, exited }) => ({ id, labels, exited })))),
  )
  bus.subscribe(wire.lives, (message) => message.respond(JSON.stringify(lives)))
}

/** Takes a turn, works, and delivers; ends sooner when it is told to. */
async function work(worker: ScriptedWorker): ReturnType<Script> {
  worker.beat('real')
  await worker.state({ type: 'run.ready', data: { bootMs: 1, worker: 'scripted', path: 'plain' } })
  await worker.turn(1)
  const rested = new AbortController()
  const order = await Promise.race([
    worker.order(),
    pause(durationOf(worker.env.SPEC_ID), undefined, { signal: AbortSignal.any([worker.killed, rested.signal]) }),
  ])
  if (order !== undefined) {
    rested.abort()
    const { id: controlId, command } = order
    await worker.state({ type: 'agent.steered', data: { controlId, command } })
  }
  const ended = { cancel: 'cancelled', pause: 'paused', drain: 'drained', steer: 'done' } as const
  const outcome = order === undefined ? 'done' : ended[order.command]
  await worker.state({ type: 'run.delivered', data: { outcome, usage: { ...NO_USAGE, turns: 1 } } })
  return 0
}

/** The same for every run of the benchmark with that seed. */
function durationOf(specId: string): number {
  const hash = createHash('sha256').update(`${seed} ${specId}`).digest().readUInt32BE()
  return shortestMs + ((longestMs - shortestMs) * hash) / 2 ** 32
}
