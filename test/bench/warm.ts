/** Workers that wait in containers: what a hand-over takes beside a cold start, and what that means for a fleet. */
import { join } from 'node:path'
import type Docker from 'dockerode'
import { systemClock as clock } from '../../packages/orchestrator/src/clock.ts'
import { openLog } from '../../packages/orchestrator/src/log.ts'
import type { SandboxProvider } from '../../packages/orchestrator/src/providers/provider.ts'
import { openProvider } from '../../packages/orchestrator/src/providers/registry.ts'
import { Starts } from '../../packages/orchestrator/src/supervisor/starts.ts'
import { bundleWorker } from '../../packages/sandbox-worker/bundle.ts'
import { baseImage, startDocker, type TestDocker } from '../../packages/testkit/src/docker.ts'
import type { Benchmark, Figure } from './benchmark.ts'
import { interleave } from './interleave.ts'
import { ECHO, untilOutput } from './raw-containers.ts'
import { LIMITS, spawnOnce } from './spawn-once.ts'
import { openStage, type Stage } from './stage.ts'
import { summarise } from './statistics.ts'
import { recoverInContainers } from './warm-recovery.ts'

const ROUNDS = 40
const POOL = { floor: 1, ceiling: 8 }
/** Runs that come at once, and how often: a hundred in all. */
const AT_ONCE = 20
const TIMES = 5
const CORES = 2

/** As promised: of a hand-over, and of what a pool makes of many runs and of a death. */
const PROMISED = { medianMs: 15, p99Ms: 60, ofCold: 0.05, ofRawRate: 0.9 }

export const warm: Benchmark = {
  name: 'warm',
  about: 'runs handed to workers that wait in containers, beside cold starts; measured only when it is named',
  async run(signal) {
    await using docker = await startDocker()
    const image = await baseImage(docker)
    const handOvers = await measureHandOvers(docker, image, signal)
    const recovery = await recoverInContainers({ docker, image, signal })
    return [...handOvers, ...recovery]
  },
}

async function measureHandOvers(docker: TestDocker, image: string, signal: AbortSignal): Promise<Figure[]> {
  await using stage = await openStage()
  const workerBundle = join(stage.folder, 'worker.mjs')
  await bundleWorker(workerBundle)
  const starts = new Starts({ clock }, { atOnce: CORES })
  const heard = new Heard()
  const open = (fleet: string, size: typeof POOL | undefined) =>
    openProvider('docker', {
      home: join(stage.folder, fleet),
      fleet,
      busAddresses: [`127.0.0.1:${stage.nats.port}`],
      workerBundle,
      docker: { host: docker.host, image },
      ...(size === undefined ? {} : { warm: { ...size, limits: LIMITS, turn: (until) => starts.spare(until) } }),
      clock,
      log: heard.log,
    })
  await using cold = await open('cold', undefined)
  await using pool = await open('warm', POOL)
  const spawnWarm = async (): Promise<number> => {
    for (;;) {
      await heard.untilOneWaits()
      const before = heard.handedOver
      const ms = await asStart(starts, signal, () => spawnOnce(stage, pool))
      // Who did not answer in time was started cold, which is counted by itself.
      if (heard.handedOver > before) return ms
    }
  }
  const measured = await interleave(
    { warm: spawnWarm, cold: () => spawnOnce(stage, cold) },
    { rounds: ROUNDS, warmUps: 3, signal },
  )
  const engine = { name: 'the same, started cold', summary: measured.cold }
  const name = 'provider asked → ready'
  return [
    { name, unit: 'ms', ours: measured.warm, engine, atMost: PROMISED.medianMs, ratioAtMost: PROMISED.ofCold },
    { name, unit: 'ms', ours: measured.warm, engine, judged: 'p99', atMost: PROMISED.p99Ms },
    await measureRate({ stage, pool, starts, client: docker.client, image, heard, signal }),
  ]
}

type RateScene = {
  readonly stage: Stage
  readonly pool: SandboxProvider
  readonly starts: Starts
  readonly client: Docker
  readonly image: string
  readonly heard: Heard
  readonly signal: AbortSignal
}

/** Starts take turns as an orchestrator lets them; the engine alone as many at a time. */
async function measureRate({ stage, pool, starts, client, image, heard, signal }: RateScene): Promise<Figure> {
  const rates: Record<'ours' | 'raw', number[]> = { ours: [], raw: [] }
  const before = heard.handedOver
  for (let round = 0; round < TIMES; round++) {
    signal.throwIfAborted()
    const ours = () => asStart(starts, signal, () => spawnOnce(stage, pool))
    const turns = [
      async () => rates.ours.push(await rateOf(AT_ONCE, ours)),
      async () => rates.raw.push(await rateOf(CORES, () => untilOutput(client, image, ECHO), AT_ONCE / CORES)),
    ]
    for (const measure of round % 2 === 0 ? turns : turns.toReversed()) await measure()
  }
  console.error(`warm: ${heard.handedOver - before} of ${AT_ONCE * TIMES} runs were handed over`)
  return {
    name: `${AT_ONCE * TIMES} runs asked for → removed`,
    unit: '/s',
    ours: summarise(rates.ours),
    engine: { name: 'create + start → first output of a shell → removed', summary: summarise(rates.raw) },
    ratioAtLeast: PROMISED.ofRawRate,
  }
}

/** In turn with others, as an orchestrator lets it; the pool is refilled behind it. */
async function asStart<T>(starts: Starts, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const start = await starts.next(signal)
  if (start === 'closed') throw new Error('nothing is started any more')
  using _start = start
  return await work()
}

/** How many a second, with so many side by side, each so often. */
async function rateOf(sideBySide: number, once: () => Promise<unknown>, times = 1): Promise<number> {
  const startedAt = performance.now()
  const each = async () => {
    for (let n = 0; n < times; n++) await once()
  }
  await Promise.all(Array.from({ length: sideBySide }, each))
  return (sideBySide * times * 1_000) / (performance.now() - startedAt)
}

/** What the pool says of itself in the log. */
class Heard {
  #waiting = new Set<unknown>()
  #wake: () => void = () => {}
  handedOver = 0

  readonly log = openLog({
    level: 'debug',
    now: () => new Date(),
    write: (line) => {
      const { event, container, level } = JSON.parse(line)
      if (level === 'warn' || level === 'error') console.error(line)
      if (event === 'warm.waiting') this.#waiting.add(container)
      else if (String(event).startsWith('warm.')) this.#waiting.delete(container)
      if (event === 'warm.handed-over') this.handedOver += 1
      this.#wake()
    },
  })

  async untilOneWaits(): Promise<void> {
    while (this.#waiting.size === 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      await promise
    }
  }
}
