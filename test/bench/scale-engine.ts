/**
 * One process of the benchmark `scale`: an engine whose sandboxes are scripted workers in it. Each has its own
 * connection under its own credential, beats once a second and states facts, as a worker does.
 *
 *   node scale-engine.ts <shard> <milliseconds between two facts of a worker>
 *
 * `NATS_URL` and `NATS_CREDS` say where. Says `ready` on standard output.
 */
import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { type Bus, connectBus, hostNowMs, type NewFact, SandboxId } from '@specfleet/shared'
import { runScriptedWorker, type Script } from '../../packages/testkit/src/scripted-worker.ts'
import { CreateRequest, type EngineTale, emptyTale, type Inmate, wire } from './scale-wire.ts'

const MOST_ATTEMPTS = 100
const FEEDBACK = 'The requirement REQ-FUNC-003 has no acceptance criterion that could fail. '.repeat(4)

const [shard = 0, factEveryMs = 5_000] = process.argv.slice(2).map(Number)
const { NATS_URL: url = '', NATS_CREDS: credsFile = '' } = process.env
const bus = await connectBus({ url, creds: await readFile(credsFile, 'utf8'), name: `bench engine ${shard}` })
serve(bus)
await bus.flush()
process.stdout.write('ready\n')

function serve(bus: Bus): void {
  const inmates = new Map<SandboxId, Inmate & { readonly kill: AbortController }>()
  const tale = emptyTale()
  const script = plan(factEveryMs, tale)
  const start = ({ env, ...request }: CreateRequest) => {
    const inmate = { ...request, exited: false, kill: new AbortController() }
    inmates.set(inmate.id, inmate)
    const variables = { ...env, BUS_URL: url, WORKSPACE: '/nowhere' }
    void runScriptedWorker(variables, script, inmate.kill.signal).catch((error: unknown) => {
      if (inmate.kill.signal.aborted) return
      tale.ends.push(error instanceof Error ? error.message : String(error))
      inmate.exited = true
      bus.publishJson(wire.exited, inmate.id)
    })
  }
  bus.subscribe(wire.create(shard), (message) => {
    const request = CreateRequest.parse(message.json())
    if (!inmates.has(request.id)) start(request)
    message.respond('{}')
  })
  bus.subscribe(wire.destroy(shard), (message) => {
    const id = SandboxId.parse(message.json())
    inmates.get(id)?.kill.abort(new Error('killed'))
    inmates.delete(id)
    message.respond('{}')
  })
  bus.subscribe(wire.list(shard), (message) => {
    const all = [...inmates.values()].map(({ id, labels, exited }) => ({ id, labels, exited }))
    message.respond(JSON.stringify(all))
  })
  bus.subscribe(wire.tell(shard), (message) => {
    message.respond(JSON.stringify(tale))
    Object.assign(tale, emptyTale())
  })
  bus.subscribe(wire.forget(shard), (message) => {
    Object.assign(tale, emptyTale())
    message.respond('{}')
  })
}

/** Lives until it is killed; whatever is measured goes into the tale. */
function plan(everyMs: number, tale: EngineTale): Script {
  return async (worker) => {
    const { killed } = worker
    worker.beat('real', () => void tale.beats++)
    await worker.state({ type: 'run.ready', data: { bootMs: 1, worker: 'scripted', path: 'phases' } })
    // Spread evenly, whatever the order of the starts was.
    await pause(Math.random() * everyMs, undefined, { signal: killed })
    for (let count = 0; ; count++) {
      const seq = await worker.state(factOf(count))
      tale.facts.push({ specId: worker.env.SPEC_ID, seq, at: hostNowMs() })
      await pause(everyMs, undefined, { signal: killed })
    }
  }
}

/** Attempts at a phase that never pass: work that goes on for as long as it is measured. */
function factOf(count: number): NewFact {
  const attempt = Math.min(MOST_ATTEMPTS, 1 + Math.floor(count / 2))
  const at = { phase: 'explore', attempt, turn: count } as const
  if (count % 2 === 0) return { type: 'phase.started', data: at }
  const gates = [{ gate: 'schema', passed: true, faults: [] }]
  return { type: 'phase.evaluated', data: { ...at, passed: false, score: 0.5, gates, feedback: FEEDBACK } }
}
