/**
 * What an orchestrator costs while nothing happens: so many containers of a real engine, listed, watched and
 * reconciled, whose workers only beat. The containers sleep, and their workers' part of the bus is played by this
 * process, so that a machine can hold many; to the orchestrator nothing is simulated.
 */
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { openTaskQueue, subjects } from '@specfleet/shared'
import type Docker from 'dockerode'
import * as z from 'zod'
import { type OrchestratorProcess, startOrchestrator } from '../../packages/cli/src/stack/orchestrator-process.ts'
import { systemClock as clock } from '../../packages/orchestrator/src/clock.ts'
import { openLog } from '../../packages/orchestrator/src/log.ts'
import { engineLayout } from '../../packages/orchestrator/src/providers/engine-folder/layout.ts'
import { openForwarder } from '../../packages/orchestrator/src/providers/wire/forwarder.ts'
import { bundleWorker } from '../../packages/sandbox-worker/bundle.ts'
import { startDocker } from '../../packages/testkit/src/docker.ts'
import { runScriptedWorker, type Script } from '../../packages/testkit/src/scripted-worker.ts'
import type { Benchmark, GrowthRow } from './benchmark.ts'
import { fleetEnvironment } from './fleet-environment.ts'
import { environmentIn, idleImage } from './idle-image.ts'
import { residentMib } from './processes.ts'
import { watchProcessor } from './scale-processes.ts'
import { openStage, type Stage } from './stage.ts'

export type IdleOptions = {
  /** How many containers, one measurement each. */
  readonly sizes: readonly number[]
  /** How long each is measured. */
  readonly seconds: number
}
export const IDLE_DEFAULTS: IdleOptions = { sizes: [200], seconds: 60 }

/** Percent of one core that so many may take. */
const PROMISE = { size: 200, most: 3 }
const FLEET = 'idle'
/** What a start leaves behind is no part of being idle. */
const AFTERGLOW_MS = 15_000
const LONGEST_MS = 1_800_000

export const idleContainers = ({ sizes, seconds }: IdleOptions): Benchmark => ({
  name: 'idle-containers',
  about: `what an orchestrator with ${sizes.join(', ')} idle containers takes of a core; minutes, only when named`,
  async run(signal) {
    await using stack = new AsyncDisposableStack()
    const stage = stack.use(await openStage())
    const docker = stack.use(await startDocker())
    const workerBundle = `${stage.folder}/worker.mjs`
    await bundleWorker(workerBundle)
    const env = {
      ...(await fleetEnvironment(stage)),
      SPECFLEET_PROVIDER: 'docker',
      SPECFLEET_FLEET: FLEET,
      SPECFLEET_IMAGE: await idleImage(docker, workerBundle),
      SPECFLEET_SLOTS: String(Math.max(...sizes)),
      // What waits here would never say so: its image only sleeps.
      WARM_CEILING: '0',
      DOCKER_HOST: docker.host,
      WORKER_BUNDLE: workerBundle,
      MODEL_UPSTREAM: 'offline',
      // So that it can be profiled.
      NODE_OPTIONS: process.env.NODE_OPTIONS,
    }
    const workers = stack.use(await playWorkers(stage, docker.client))
    const orchestrator = await startOrchestrator({ env, onLog: () => {}, signal })
    stack.defer(async () => {
      orchestrator.kill('SIGKILL')
      await orchestrator.exited
      await endForwarder(stage, env.SPECFLEET_HOME)
    })
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_MS)])
    const measured: Idle[] = []
    for (const size of sizes) {
      await workers.reach(size, limit)
      console.error(`idle-containers: ${size} idle, process ${orchestrator.pid}`)
      await pause(AFTERGLOW_MS, undefined, { signal })
      measured.push(await watch(orchestrator, docker.pid, seconds, signal))
    }
    const row = (name: string, unit: string, of: (idle: Idle) => number): GrowthRow => ({
      name,
      unit,
      values: measured.map(of),
    })
    const own = row('orchestrator', '% of a core', (idle) => idle.orchestrator)
    const promised = sizes.includes(PROMISE.size) ? { ...own, limit: PROMISE } : own
    const rows = [
      promised,
      row('the engine itself', '% of a core', (idle) => idle.engine),
      row('resident memory of the orchestrator', 'MiB', (idle) => idle.residentMib),
    ]
    return { growth: { of: 'idle containers', sizes, rows } }
  },
})

/** It would wait for another orchestrator, since its sandboxes are not removed one by one. */
async function endForwarder({ nats }: Stage, home: string): Promise<void> {
  const { wire: root, sandboxes } = engineLayout(join(home, 'docker'))
  const log = openLog({ level: 'error', now: clock.now, write: (line) => console.error(line) })
  const busAddresses = [`127.0.0.1:${nats.port}`]
  const forwarder = await openForwarder({ root, sandboxes, busAddresses, clock, log })
  const pid = await forwarder.pid()
  await forwarder[Symbol.asyncDispose]()
  process.kill(pid, 'SIGTERM')
}

type Idle = { readonly orchestrator: number; readonly engine: number; readonly residentMib: number }

async function watch({ pid }: OrchestratorProcess, engine: number, seconds: number, signal: AbortSignal) {
  const [ours, engines] = await Promise.all([watchProcessor([pid]), watchProcessor([engine])])
  await pause(seconds * 1_000, undefined, { signal })
  const [orchestrator, engineToo] = await Promise.all([ours(), engines()])
  const resident = (await residentMib(pid)) ?? Number.NaN
  return { orchestrator: orchestrator * 100, engine: engineToo * 100, residentMib: resident }
}

const idle: Script = async (worker) => {
  worker.beat('real')
  await worker.state({ type: 'run.ready', data: { bootMs: 1, worker: 'idle', path: 'plain' } })
  await new Promise<void>((_, reject) => worker.killed.addEventListener('abort', () => reject(worker.killed.reason)))
  return 0
}

const Started = z.object({ id: z.string() })

type Workers = AsyncDisposable & {
  /** Queues runs until there are so many; resolves when all their workers are ready. */
  reach(size: number, signal: AbortSignal): Promise<void>
}

/** Says and hears on the bus what the workers in the containers would, from when each is started. */
async function playWorkers({ bus, nats }: Stage, client: Docker): Promise<Workers> {
  const end = new AbortController()
  const played = new Set<Promise<unknown>>()
  const ready = new Set<string | undefined>()
  let wake = () => {}
  const started = await client.getEvents({ filters: { event: ['start'], label: [`specfleet.fleet=${FLEET}`] } })
  createInterface({ input: started }).on('line', (line) => {
    const { id } = Started.parse(JSON.parse(line))
    const life = environmentIn(client.getContainer(id))
      .then((env) => runScriptedWorker({ ...env, BUS_URL: nats.url, WORKSPACE: '/nowhere' }, idle, end.signal))
      .catch((error: unknown) => {
        if (!end.signal.aborted) console.error('idle-containers: a worker ended', error)
      })
    played.add(life)
  })
  const readiness = bus.subscribe('sf.log.*.*.*.run.ready', ({ subject }) => {
    ready.add(subject.split('.')[3])
    wake()
  })
  const queue = await openTaskQueue(bus)
  let queued = 0
  return {
    async reach(size, signal) {
      for (; queued < size; queued += 1) {
        const task = { kind: 'prompt', text: 'Wait.', taskId: `idle-${queued}` }
        await queue.publish(subjects.task('normal', 'prompt'), JSON.stringify(task))
      }
      signal.addEventListener('abort', () => wake(), { once: true })
      while (ready.size < size && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve))
      signal.throwIfAborted()
    },
    async [Symbol.asyncDispose]() {
      end.abort(new Error('it is measured'))
      readiness[Symbol.dispose]()
      if (started instanceof Readable) started.destroy()
      await Promise.all(played)
    },
  }
}
