import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Bus,
  type Command,
  connectBus,
  type Fact,
  openLog as openFactLog,
  parseFact,
  SpecId,
  type SpecState,
  subjects,
  type TaskInput,
} from '@specfleet/shared'
import { type SecuredTestNats, startNats } from '@specfleet/testkit'
import { type Clock, systemClock } from '../../packages/orchestrator/src/clock.ts'
import { type Orchestrator, startOrchestrator } from '../../packages/orchestrator/src/compose.ts'
import type { Config } from '../../packages/orchestrator/src/config.ts'
import { NO_POLICY } from '../../packages/orchestrator/src/engines/policy.ts'
import type { ModelUpstream } from '../../packages/orchestrator/src/gateway/upstreams/upstream.ts'
import { openLog } from '../../packages/orchestrator/src/log.ts'
import { ScriptedEngine } from '../../packages/testkit/src/scripted-engine.ts'
import { deliver, type Script } from '../../packages/testkit/src/scripted-worker.ts'

/** A real server, and orchestrators on it whose sandboxes are scripts. */
export type Fleet = AsyncDisposable & {
  readonly nats: SecuredTestNats
  readonly bus: Bus
  readonly engine: ScriptedEngine
  /** What every orchestrator logged, oldest first. */
  readonly logged: Record<string, unknown>[]
  onLog(listener: (event: Record<string, unknown>) => void): void
  /** Starts one more. */
  join(more?: Partial<Config>, engines?: ScriptedEngine | ScriptedEngine[]): Promise<Orchestrator>
  /** Every fact of a spec so far and to come. */
  factsOf(specId: string): Facts
  api(operation: 'submit' | 'get' | 'list' | 'command' | 'watch', request: unknown): Promise<Record<string, unknown>>
  submit(task: TaskInput): Promise<string>
  state(specId: string): Promise<SpecState>
}

export type Facts = AsyncDisposable & {
  readonly all: Fact[]
  types(): string[]
  /** Resolves with the first fact that matches, past or to come. */
  until<T extends Fact['type']>(
    type: T,
    matches?: (fact: Extract<Fact, { type: T }>) => boolean,
  ): Promise<Extract<Fact, { type: T }>>
}

export const silentUpstream: ModelUpstream = {
  name: 'none',
  offline: true,
  fetch: () => Promise.reject(new Error('no model in this test')),
}

export async function startFleet(
  options: {
    scriptOf?: (request: { labels: { runId: string; epoch: number } }) => Script
    upstream?: ModelUpstream
    clock?: Clock
  } = {},
): Promise<Fleet> {
  const parts = new AsyncDisposableStack()
  const nats = parts.use(await startNats())
  const home = await mkdtemp(join(tmpdir(), 'specfleet-test-'))
  parts.defer(() => rm(home, { recursive: true, force: true }))
  const bus = parts.use(await connectBus({ url: nats.url, creds: nats.orchestratorCreds, name: 'test' }))
  const scriptOf = options.scriptOf ?? (() => deliver)
  const engine = parts.use(new ScriptedEngine({ busUrl: nats.url, scriptOf }))
  const logged: Record<string, unknown>[] = []
  const listeners: ((event: Record<string, unknown>) => void)[] = []
  const note = (line: string) => {
    const event = JSON.parse(line)
    logged.push(event)
    for (const listener of listeners) listener(event)
  }
  const ask = async (operation: 'submit' | 'get' | 'list' | 'command' | 'watch', request: unknown) => {
    const answer = await bus.requestJson(subjects.api(operation), request, { timeoutMs: 10_000 })
    return answer as Record<string, unknown>
  }
  return {
    nats,
    bus,
    engine,
    logged,
    onLog: (listener) => void listeners.push(listener),
    async join(more = {}, on: ScriptedEngine | ScriptedEngine[] = engine) {
      const orchestrator = await startOrchestrator(
        { ...configOf(nats, home), ...more },
        {
          clock: options.clock ?? systemClock,
          log: openLog({ level: 'debug', now: () => new Date(), write: note }),
          random: () => 0.5,
          upstream: options.upstream ?? silentUpstream,
          openProviders: async () => [on].flat().map((engine) => engine.provider()),
        },
      )
      parts.use(orchestrator)
      return orchestrator
    },
    factsOf: (specId) => parts.use(followFacts(bus, specId)),
    api: ask,
    async submit(task) {
      const answer = await ask('submit', task)
      if (answer.ok !== true) throw new Error(JSON.stringify(answer))
      return String(answer.specId)
    },
    async state(specId) {
      const answer = await ask('get', { id: specId })
      return answer.spec as SpecState
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

export const command = (command: Command['command'], specId: string, more: Record<string, unknown> = {}) => ({
  command,
  specId,
  ...more,
})

/** As much of a server as an orchestrator has to know. */
export type FleetNats = Pick<SecuredTestNats, 'url' | 'orchestratorCreds' | 'systemCreds' | 'operatorSigningSeed'> & {
  readonly kit: Pick<SecuredTestNats['kit'], 'appAccountId'>
}

export function configOf(nats: FleetNats, home: string): Config {
  return {
    nats: {
      url: nats.url,
      creds: nats.orchestratorCreds,
      systemCreds: nats.systemCreds,
      operatorSigningSeed: nats.operatorSigningSeed,
      appAccountId: nats.kit.appAccountId,
      replicas: 1,
    },
    home,
    fleet: 'test',
    slots: 10,
    cores: 2,
    providers: ['auto'],
    providerSlots: new Map(),
    policy: NO_POLICY,
    breaker: { firstMs: 20, longestMs: 100, quotaMs: 100 },
    warm: { floor: 0, ceiling: 0 },
    bwrapPath: undefined,
    docker: { host: 'unix:///nowhere/docker.sock' },
    upstream: { kind: 'offline', why: 'chosen' },
    model: 'test-model',
    limits: { memoryMb: 256, diskMb: 64, cpus: 1, pids: 64, wallClockMinutes: 5, outputMb: 1 },
    heartbeatLimitMs: 1_000,
    bootLimitMs: 5_000,
    adoptionGraceMs: 300,
    stopGraceMs: 1_000,
    pauseGraceMs: 1_000,
    drainLimitMs: 5_000,
    backoff: { firstMs: 20, longestMs: 100, provenMs: 60_000, attemptLimit: 3 },
    accountSweepMs: 600_000,
    floodFactsPerSecond: 200,
    backlogLimit: 10_000,
    sourceMaxBytes: 10_000_000,
    blobMaxBytes: 1_000_000,
    runBlobsMaxBytes: 1024 * 1024 * 1024,
    toolEnv: { PATH: process.env.PATH ?? '' },
    workerBundle: undefined,
    logLevel: 'debug',
  }
}

/** Follows the log itself: nothing is missed, over outages of the bus either. */
function followFacts(bus: Bus, specId: string): Facts {
  const all: Fact[] = []
  const waiting = new Set<() => void>()
  const stop = new AbortController()
  const following = (async () => {
    const entries = openFactLog(bus).follow({ fromSeq: 1, specId: SpecId.parse(specId), signal: stop.signal })
    for await (const batch of entries) {
      for (const entry of batch) {
        const parsed = parseFact(entry.value())
        if (parsed.kind === 'fact') all.push(parsed.fact)
      }
      for (const look of [...waiting]) look()
    }
  })()
  return {
    all,
    types: () => all.map(({ type }) => type),
    until: (type, matches = () => true) => {
      type Wanted = Extract<Fact, { type: typeof type }>
      const isWanted = (fact: Fact): fact is Wanted => fact.type === type && matches(fact as Wanted)
      return new Promise((resolve) => {
        const look = () => {
          const found = all.find(isWanted)
          if (found === undefined) return
          waiting.delete(look)
          resolve(found)
        }
        waiting.add(look)
        look()
      })
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await following
    },
  }
}
