/**
 * One process of the benchmark `scale`: a whole orchestrator, but for the engine, that measures itself.
 *
 *   node --expose-gc scale-orchestrator.ts <engine processes>
 *
 * Its environment is that of every orchestrator. Says `ready` on standard output. On SIGTERM it goes at once,
 * as in a crash: its runs are there for the next.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { connectBus, hostNowMs } from '@specfleet/shared'
import { systemClock } from '../../packages/orchestrator/src/clock.ts'
import { startOrchestrator } from '../../packages/orchestrator/src/compose.ts'
import { readConfig } from '../../packages/orchestrator/src/config.ts'
import { type LogFields, openLog } from '../../packages/orchestrator/src/log.ts'
import { scaleProvider } from './scale-provider.ts'
import { type SelfPortrait, wire } from './scale-wire.ts'

/** Milliseconds between two looks at the event loop; what it is late by is the delay. */
const RESOLUTION_MS = 2
const MIB = 1024 * 1024

const [shards = 1] = process.argv.slice(2).map(Number)
const config = readConfig()
const bus = await connectBus({
  url: config.nats.url,
  name: 'bench provider',
  ...(config.nats.creds === undefined ? {} : { creds: config.nats.creds }),
})
const events = { comparisons: [] as number[], beatsMissed: 0, buried: 0, stalls: 0 }
const written = openLog({
  level: config.logLevel,
  now: () => new Date(),
  write: (line) => void process.stderr.write(`${line}\n`),
})
await startOrchestrator(config, {
  clock: systemClock,
  log: listening(written),
  random: Math.random,
  upstream: { name: 'none', offline: true, fetch: () => Promise.reject(new Error('nobody asks a model here')) },
  openProviders: async () => [scaleProvider(bus, shards)],
})

const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
loop.enable()
let since = { at: hostNowMs(), cpu: process.cpuUsage() }
bus.subscribe(wire.portrait, (message) => {
  const portrait = drawSelf()
  message.respond(JSON.stringify(portrait))
  Object.assign(events, { comparisons: [], beatsMissed: 0, buried: 0, stalls: 0 })
  since = { at: hostNowMs(), cpu: process.cpuUsage() }
  // The collection that the portrait takes is no part of what follows.
  setImmediate(() => loop.reset())
})
await bus.flush()
process.stdout.write('ready\n')

function drawSelf(): SelfPortrait {
  const late = (share: number) => Math.max(0, loop.percentile(share) / 1e6 - RESOLUTION_MS)
  const loopDelay = { p50: late(50), p99: late(99), max: late(100) }
  const { user, system } = process.cpuUsage(since.cpu)
  const cpu = (user + system) / 1_000 / (hostNowMs() - since.at)
  const residentMib = process.memoryUsage.rss() / MIB
  globalThis.gc?.()
  const heapMib = process.memoryUsage().heapUsed / MIB
  return { ...events, loopDelay, cpu, heapMib, residentMib }
}

/** The same log, overheard: what it says of the loop is a measurement. */
function listening(log: ReturnType<typeof openLog>): ReturnType<typeof openLog> {
  const overhear = (event: string, fields: LogFields = {}) => {
    if (event === 'runs.compared' && typeof fields.ms === 'number') events.comparisons.push(fields.ms)
    if (event === 'beats.missed' && typeof fields.missed === 'number') events.beatsMissed += fields.missed
    if (event === 'run.waits' || event === 'run.parked' || event === 'run.settled') events.buried += 1
    if (event === 'process.stalled') events.stalls += 1
  }
  const hearing =
    (write: (event: string, fields?: LogFields) => void) =>
    (event: string, fields?: LogFields): void => {
      overhear(event, fields)
      write(event, fields)
    }
  const { debug, info, warn, error } = log
  return {
    debug: hearing(debug),
    info: hearing(info),
    warn: hearing(warn),
    error: hearing(error),
    with: (fields) => listening(log.with(fields)),
  }
}
