#!/usr/bin/env node
import { join } from 'node:path'
import { SpecfleetError, toSpecfleetError } from '@specfleet/shared'
import { type Clock, systemClock } from './clock.ts'
import { type Orchestrator, startOrchestrator } from './compose.ts'
import { type Config, readConfig } from './config.ts'
import { openUpstream } from './gateway/choose-upstream.ts'
import { bringToAnEnd, onStopSignals, whenAborted } from './lifecycle.ts'
import { type Log, openLog } from './log.ts'
import { openProviders } from './providers/registry.ts'
import { findWorkerBundle } from './worker-bundle.ts'

const FORCE_LIMIT_MS = 5_000

/** One line on standard output for whoever started us: `ready`, `refused` or `ended`. */
const say = (word: { event: string } & Record<string, unknown>): void =>
  void process.stdout.write(`${JSON.stringify(word)}\n`)

process.exitCode = await main()

/** Resolves with the exit code. */
async function main(): Promise<number> {
  using stops = onStopSignals(process)
  try {
    const config = readConfig()
    const log = openLog({
      level: config.logLevel,
      now: () => new Date(),
      write: (line) => void process.stderr.write(`${line}\n`),
    })
    await using orchestrator = await start(config, systemClock, log)
    const { id, upstream, provider, isolation, slots } = orchestrator
    say({ event: 'ready', orchestrator: id, upstream, provider, isolation, slots })
    log.info('orchestrator.ready', { orchestrator: id, upstream, provider, isolation, slots })
    const failure = await Promise.race([orchestrator.failed, whenAborted(stops.drain)])
    if (failure !== undefined) throw new SpecfleetError('bus.unreachable', failure.message, { cause: failure })
    const limits = { drainMs: config.drainLimitMs, forceMs: FORCE_LIMIT_MS }
    const ended = await bringToAnEnd(orchestrator, stops, limits)
    log.info('orchestrator.ended', { orchestrator: id, ended })
    say({ event: 'ended', ended })
    return 0
  } catch (thrown) {
    const error = toSpecfleetError(thrown)
    say({ event: 'refused', ...error.toWire() })
    process.stderr.write(`specfleet-orchestrator: ${error.message}; ${error.next}\n`)
    return error.exitCode
  }
}

async function start(config: Config, clock: Clock, log: Log): Promise<Orchestrator> {
  const { home, fleet, toolEnv } = config
  const workerBundle = await findWorkerBundle({
    chosen: config.workerBundle,
    folder: join(home, 'worker'),
    env: toolEnv,
  })
  return startOrchestrator(config, {
    clock,
    log,
    random: Math.random,
    upstream: openUpstream(config.upstream),
    openProviders: (turn) =>
      openProviders(config.providers, {
        home,
        fleet,
        busAddresses: [hostAndPort(config.nats.url)],
        workerBundle,
        docker: config.docker,
        warm: { ...config.warm, limits: config.limits, turn },
        ...(config.bwrapPath === undefined ? {} : { bwrapPath: config.bwrapPath }),
        clock,
        log,
      }),
  })
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'nats:': '4222', 'tls:': '4222', 'ws:': '80', 'wss:': '443' }

function hostAndPort(url: string): string {
  const { protocol, hostname, port } = new URL(url)
  return `${hostname}:${port === '' ? DEFAULT_PORTS[protocol] : port}`
}
