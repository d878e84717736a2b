/**
 * How far one orchestrator reaches: so many live runs, each a scripted worker with a connection and a credential of
 * its own, that beats once a second and states a fact every five. The engine is simulated, all else is real; every
 * part is a process of its own, so that what is measured of the orchestrator is its own.
 */
import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { hostNowMs, newTaskId, openTaskQueue, subjects } from '@specfleet/shared'
import { EXAMPLE_SPEC } from '../../packages/cli/src/demo/example-repository.ts'
import type { Benchmark, Growth } from './benchmark.ts'
import { fleetEnvironment } from './fleet-environment.ts'
import { type ViewWritten, viewLags } from './scale-lag.ts'
import { type BenchProcess, startProcess, watchProcessor } from './scale-processes.ts'
import { watchViews } from './scale-views.ts'
import { askFor, Done, EngineTale, SelfPortrait, wire } from './scale-wire.ts'
import { openStage, type Stage } from './stage.ts'
import { quantile } from './statistics.ts'

export type ScaleOptions = {
  /** Live runs, one column each. */
  readonly sizes: readonly number[]
  /** How long each is measured. */
  readonly seconds: number
}

export const SCALE_DEFAULTS: ScaleOptions = { sizes: [500, 1_000, 2_000, 4_000], seconds: 60 }

/** Workers of one process: more make it late itself. */
const WORKERS_PER_ENGINE = 1_000
/** A fact of each worker every five seconds: 20 a second for a hundred runs. */
const FACT_EVERY_MS = 5_000
const START_LIMIT_MS = 600_000
/** What was stated in the last moment is still given the time to be seen. */
const AFTERGLOW_MS = 5_000
const ASK_EVERY_MS = 100
/** What an engine saw in so long fits into one message. */
const TELL_EVERY_MS = 20_000

export const scale = ({ sizes, seconds }: ScaleOptions): Benchmark => ({
  name: 'scale',
  about: `${sizes.join(', ')} live runs on one orchestrator, ${seconds} s each`,
  async run(signal) {
    const columns: (Column | undefined)[] = []
    for (const size of sizes) {
      signal.throwIfAborted()
      columns.push(await measureOrSay(size, seconds, signal))
    }
    return { growth: growthOf(sizes, columns) }
  },
})

/** A size that is too much for the machine misses its targets; the others are measured all the same. */
async function measureOrSay(size: number, seconds: number, signal: AbortSignal): Promise<Column | undefined> {
  try {
    return await measure(size, seconds, signal)
  } catch (error) {
    signal.throwIfAborted()
    console.error(`scale: ${size} runs cannot be measured here: ${error instanceof Error ? error.message : error}`)
    return undefined
  }
}

type Column = Awaited<ReturnType<typeof measure>>
type Fleet = {
  readonly stage: Stage
  readonly engines: readonly BenchProcess[]
  readonly startOrchestrator: () => Promise<BenchProcess>
}

async function measure(size: number, seconds: number, signal: AbortSignal) {
  await using stack = new AsyncDisposableStack()
  const stage = stack.use(await openStage())
  const shards = Math.ceil(size / WORKERS_PER_ENGINE)
  const env = {
    ...(await fleetEnvironment(stage)),
    SPECFLEET_SLOTS: String(size),
    // On a machine that is too slow for the size there is very much to warn of; it is in the figures.
    LOG_LEVEL: 'error',
  }
  const engines: BenchProcess[] = []
  for (let shard = 0; shard < shards; shard++)
    engines.push(stack.use(await startProcess('scale-engine.ts', [String(shard), String(FACT_EVERY_MS)], env)))
  const startOrchestrator = () => startProcess('scale-orchestrator.ts', [String(shards)], env)
  const fleet: Fleet = { stage, engines, startOrchestrator }
  const stop = Promise.race(engines.map(({ broken }) => broken))

  const first = await startOrchestrator()
  stack.use(first)
  const work = Promise.race([stop, first.broken])
  const startSeconds = await Promise.race([startRuns(fleet, size, signal), work])
  console.error(`scale: ${size} runs live after ${startSeconds.toFixed(1)} s`)
  const live = await Promise.race([watchLive(fleet, seconds, signal), work])
  await first[Symbol.asyncDispose]()
  const adoption = await Promise.race([measureAdoption(fleet, size, stack), stop])
  return { startSeconds, ...live, ...adoption }
}

/** Queues so many specs, and gives the seconds until all their workers are ready. */
async function startRuns({ stage, engines }: Fleet, size: number, signal: AbortSignal): Promise<number> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(START_LIMIT_MS)])
  const tooFew = () => new Error(`${ready.size} of them live after ${START_LIMIT_MS / 1_000} s`)
  const queue = await openTaskQueue(stage.bus)
  const text = await readFile(EXAMPLE_SPEC, 'utf8')
  const startedAt = hostNowMs()
  const one = () =>
    queue.publish(subjects.task('normal', 'spec'), JSON.stringify({ kind: 'spec', text, taskId: newTaskId() }))
  const ready = new Set<string | undefined>()
  const { promise: allReady, resolve } = Promise.withResolvers<void>()
  using _ready = stage.bus.subscribe('sf.log.*.*.*.run.ready', ({ subject }) => {
    ready.add(subject.split('.')[3])
    if (ready.size === size) resolve()
  })
  await stage.bus.flush()
  for (let queued = 0; queued < size; queued += 100) {
    limit.throwIfAborted()
    await Promise.all(Array.from({ length: Math.min(100, size - queued) }, one))
  }
  await Promise.race([allReady, rejecting(limit, tooFew)])
  const seconds = (hostNowMs() - startedAt) / 1_000
  await Promise.all(engines.map((_, shard) => askFor(stage.bus, wire.forget(shard), Done)))
  return seconds
}

async function watchLive(fleet: Fleet, seconds: number, signal: AbortSignal) {
  const { stage, engines } = fleet
  const views: ViewWritten[] = []
  await using _views = watchViews(stage.bus, (view) => views.push(view))
  await pause(AFTERGLOW_MS, undefined, { signal })
  const before = await askFor(stage.bus, wire.portrait, SelfPortrait)
  await tales(fleet)
  const [server, workers] = await Promise.all([
    watchProcessor([stage.nats.pid]),
    watchProcessor(engines.map(({ pid }) => pid)),
  ])
  const { told, gets } = await listen(fleet, seconds * 1_000, views, signal)
  const [serverCpu, workersCpu] = await Promise.all([server(), workers()])
  const portrait = await askFor(stage.bus, wire.portrait, SelfPortrait)
  await pause(AFTERGLOW_MS, undefined, { signal })
  const facts = told.flatMap((tale) => tale.facts)
  const ends = told.flatMap((tale) => tale.ends)
  if (ends.length > 0) console.error(`scale: ${ends.length} workers ended: ${ends[0]}`)
  return {
    ...portrait,
    serverCpu,
    workersCpu,
    comparisonsPerSecond: portrait.comparisons.length / seconds,
    heapBeforeMib: before.heapMib,
    factsPerSecond: facts.length / seconds,
    beatsPerSecond: told.reduce((sum, { beats }) => sum + beats, 0) / seconds,
    lags: viewLags(facts, views),
    gets,
  }
}

const tales = ({ stage, engines }: Fleet): Promise<EngineTale[]> =>
  Promise.all(engines.map((_, shard) => askFor(stage.bus, wire.tell(shard), EngineTale)))

/** Asks for the state of one spec after another, as a user does, and now and then the engines for what they saw. */
async function listen(fleet: Fleet, ms: number, views: readonly ViewWritten[], signal: AbortSignal) {
  const { bus } = fleet.stage
  const told: EngineTale[] = []
  /** Milliseconds that each answer took. */
  const gets: number[] = []
  const end = hostNowMs() + ms
  for (let tellAt = hostNowMs() + TELL_EVERY_MS; hostNowMs() < end; ) {
    await pause(ASK_EVERY_MS, undefined, { signal })
    const id = views.at(-1)?.specId
    if (id === undefined) continue
    const askedAt = hostNowMs()
    await bus.requestJson(subjects.api('get'), { id }, { timeoutMs: 30_000 })
    gets.push(hostNowMs() - askedAt)
    if (askedAt < tellAt) continue
    tellAt = askedAt + TELL_EVERY_MS
    told.push(...(await tales(fleet)))
  }
  told.push(...(await tales(fleet)))
  return { told, gets }
}

/** Another orchestrator comes after one that was killed: seconds until it is up, and from there until it has every run. */
async function measureAdoption({ stage, startOrchestrator }: Fleet, size: number, stack: AsyncDisposableStack) {
  let adopted = 0
  const { promise: all, resolve } = Promise.withResolvers<number>()
  using _adoptions = stage.bus.subscribe('sf.log.*.*.*.run.adopted', () => {
    adopted += 1
    if (adopted === size) resolve(hostNowMs())
  })
  await stage.bus.flush()
  const startedAt = hostNowMs()
  const second = await startOrchestrator()
  stack.use(second)
  const upAt = hostNowMs()
  const limit = AbortSignal.timeout(START_LIMIT_MS)
  const tooFew = () => new Error(`${adopted} of them adopted after ${START_LIMIT_MS / 1_000} s`)
  const adoptedAt = await Promise.race([all, second.broken, rejecting(limit, tooFew)])
  return { bootSeconds: (upAt - startedAt) / 1_000, adoptionSeconds: (adoptedAt - upAt) / 1_000 }
}

const rejecting = (signal: AbortSignal, why: () => Error): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(why()), { once: true }))

const at = (values: readonly number[], share: number): number =>
  values.length === 0
    ? Number.NaN
    : quantile(
        values.toSorted((one, other) => one - other),
        share,
      )

function growthOf(sizes: readonly number[], columns: readonly (Column | undefined)[]): Growth {
  const row = (name: string, unit: string, of: (column: Column) => number, most?: number) => ({
    name,
    unit,
    values: columns.map((column) => (column === undefined ? Number.NaN : of(column))),
    ...(most === undefined ? {} : { limit: { size: 2_000, most } }),
  })
  return {
    of: 'live runs',
    sizes,
    rows: [
      row('facts stated', '/s', ({ factsPerSecond }) => factsPerSecond),
      row('beats sent', '/s', ({ beatsPerSecond }) => beatsPerSecond),
      row('event-loop delay p50', 'ms', ({ loopDelay }) => loopDelay.p50),
      row('event-loop delay p99', 'ms', ({ loopDelay }) => loopDelay.p99, 50),
      row('event-loop delay max', 'ms', ({ loopDelay }) => loopDelay.max),
      row('beats missed', '', ({ beatsMissed }) => beatsMissed, 0),
      row('runs judged silent, or ended', '', ({ buried }) => buried, 0),
      row('orchestrator stood still', '', ({ stalls }) => stalls),
      row('fact acknowledged → view written p50', 'ms', ({ lags }) => at(lags, 0.5)),
      row('fact acknowledged → view written p99', 'ms', ({ lags }) => at(lags, 0.99), 500),
      row('state of a spec asked → answered p99', 'ms', ({ gets }) => at(gets, 0.99)),
      row('comparisons', '/s', ({ comparisonsPerSecond }) => comparisonsPerSecond),
      row('one comparison p99', 'ms', ({ comparisons }) => at(comparisons, 0.99)),
      row('processor of the orchestrator, of one core', '%', ({ cpu }) => cpu * 100),
      row('processor of the server', '%', ({ serverCpu }) => serverCpu * 100),
      row('processor of the simulated workers', '%', ({ workersCpu }) => workersCpu * 100),
      row('resident memory', 'MiB', ({ residentMib }) => residentMib),
      row('heap at the beginning', 'MiB', ({ heapBeforeMib }) => heapBeforeMib),
      row('heap at the end', 'MiB', ({ heapMib }) => heapMib),
      row('queued → all ready', 's', ({ startSeconds }) => startSeconds),
      row('orchestrator killed, another up', 's', ({ bootSeconds }) => bootSeconds),
      row('up → all runs adopted', 's', ({ adoptionSeconds }) => adoptionSeconds),
    ],
  }
}
