/** A whole fleet of real processes on a real server, for tests that kill parts of it. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  BUCKETS,
  type Bus,
  type CredentialMint,
  connectBus,
  type Fact,
  isPlaced,
  openCredentialMint,
  openRecords,
  type PlacedRun,
  type RunId,
  RunRecord,
  type SandboxId,
  type SpecId,
  type SpecState,
} from '@specfleet/shared'
import { onTestFailed, TestRunner } from 'vitest'
import { FleetClient } from '../../cli/src/fleet/client.ts'
import { followSpec, replaySpec } from '../../cli/src/fleet/follow.ts'
import { startOrchestrator } from '../../cli/src/stack/orchestrator-process.ts'
import { findJob, findShim } from '../../orchestrator/src/providers/process/find-sandbox.ts'
import { engineLayout, sandboxLayout } from '../../orchestrator/src/providers/process/layout.ts'
import { allProcesses, descend } from '../../orchestrator/src/providers/process/processes.ts'
import { expectNothingLeft, removeRemains } from './leaks.ts'
import { type SecuredTestNats, startNats } from './nats-server.ts'

export type FleetOptions = {
  /** How many orchestrators take part from the beginning. Default 1. */
  readonly orchestrators?: number
  /** Variables of every orchestrator, before those of the harness. */
  readonly env?: Readonly<Record<string, string>>
}

/** One orchestrator, a process. */
export type Member = {
  readonly id: string
  readonly pid: number
  /** Lines of its log so far, oldest first. */
  readonly log: readonly string[]
  /** Exit code, or the signal's name. */
  readonly exited: Promise<number | NodeJS.Signals>
  /** Kills it without warning and settles when it is gone. */
  kill9(): Promise<void>
  /** Asks it to drain and settles with how it ended. */
  term(): Promise<number | NodeJS.Signals>
}

export type Fleet = AsyncDisposable & {
  readonly nats: SecuredTestNats
  readonly home: string
  /** What a user of the fleet may do. */
  readonly client: FleetClient
  /** In the account of the orchestrators: sees all, may do all. */
  readonly app: Bus
  readonly mint: CredentialMint
  /** Variables by which a command-line process reaches this fleet. */
  readonly cliEnv: Readonly<Record<string, string>>
  /** Variables that members are started with. */
  readonly orchestratorEnv: Readonly<Record<string, string>>
  /** All that were ever started, in that order. */
  readonly members: readonly Member[]
  /** Starts one more. */
  join(env?: Readonly<Record<string, string>>): Promise<Member>
  /** Settles with the facts of the spec so far, oldest first, as soon as they satisfy the predicate. */
  until(specId: string, satisfied: (facts: readonly Fact[]) => boolean): Promise<Fact[]>
  /** Folded from the log as the fleet tells it. */
  state(specId: string): Promise<SpecState>
  record(runId: string): Promise<RunRecord>
  /** The run as soon as a sandbox is placed for it. @throws Error when none is */
  placement(runId: string): Promise<PlacedRun>
  /** Process id, on this host, of the worker in that sandbox. */
  workerOf(sandboxId: string): Promise<number>
  /** Ends of the members' logs on standard error; done by itself when the test fails that started the fleet. */
  printLogs(): void
  /** Drains every member and proves that processes, sockets, folders, control groups and accounts are gone. */
  endInOrder(): Promise<void>
}

/** Short limits, so that a test waits for nothing longer than it must. */
const QUICK = {
  HEARTBEAT_LIMIT_MS: '4000',
  STOP_GRACE_MS: '5000',
  DRAIN_LIMIT_MS: '10000',
  BACKOFF_FIRST_MS: '20',
  BACKOFF_LONGEST_MS: '100',
  SPECFLEET_SLOTS: '4',
  SPECFLEET_PROVIDER: 'process',
  MODEL_UPSTREAM: 'offline',
  LOG_LEVEL: 'info',
}
/** Shared by all processes that tests start: most of a start is the reading of source. */
export const COMPILE_CACHE = join(tmpdir(), 'specfleet-test-compile-cache')
const UNTIL_LIMIT_MS = 45_000
const END_LIMIT_MS = 20_000
const LOG_TAIL = 40
const HEARD = 20_000

/** Starts a server and so many orchestrators. Disposing ends and removes everything, however the test went. */
export async function startFleet(options: FleetOptions = {}): Promise<Fleet> {
  await using parts = new AsyncDisposableStack()
  const nats = parts.use(await startNats())
  const home = await mkdtemp(join(tmpdir(), 'specfleet-fleet-'))
  parts.defer(() => rm(home, { recursive: true, force: true }))
  await chmod(home, 0o755)
  const keys = await writeKeys(home, nats)
  const connect = async (creds: string, name: string) =>
    parts.use(await connectBus({ url: nats.url, creds, name: `test ${name}` }))
  const [clientBus, app, system] = await Promise.all([
    connect(nats.clientCreds, 'client'),
    connect(nats.orchestratorCreds, 'observer'),
    connect(nats.systemCreds, 'system'),
  ])
  const { operatorSigningSeed, kit } = nats
  const now = () => new Date()
  const mint = parts.use(
    openCredentialMint({ system, app, operatorSigningSeed, appAccountId: kit.appAccountId, now, spare: 0 }),
  )
  const runIds = new Set<string>()
  parts.use(app.subscribe('sf.log.*.*.*.run.claimed', ({ subject }) => void runIds.add(subject.split('.')[3] ?? '')))
  const traces = { home, runIds }
  parts.defer(() => removeRemains(traces))
  const members: Member[] = []
  parts.defer(() => endAll(members))
  // A fleet that several tests share has none of its own: those tests say what is to be printed.
  if (TestRunner.getCurrentTest() !== undefined) onTestFailed(() => printLogs(members))

  const base = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    SPECFLEET_HOME: join(home, 'fleet'),
    NODE_COMPILE_CACHE: COMPILE_CACHE,
    ...QUICK,
    NATS_URL: nats.url,
    NATS_CREDS: keys.orchestrator,
    NATS_SYSTEM_CREDS: keys.system,
    NATS_OPERATOR_SEED_FILE: keys.seed,
    ...options.env,
  }
  const join_ = async (env: Readonly<Record<string, string>> = {}) => {
    const member = await startMember({ ...base, ...env })
    members.push(member)
    return member
  }
  await Promise.all(Array.from({ length: options.orchestrators ?? 1 }, () => join_()))

  const client = new FleetClient(clientBus)
  const records = await openRecords(app, BUCKETS.runs, RunRecord)
  const record = async (runId: string) => {
    const held = await records.get(runId)
    if (held === undefined) throw new Error(`there is no record of run ${runId}`)
    return held.value
  }
  const owned = parts.move()
  return {
    nats,
    home,
    client,
    app,
    mint,
    cliEnv: { NATS_URL: nats.url, NATS_CREDS: keys.client, SPECFLEET_HOME: join(home, 'cli') },
    orchestratorEnv: base,
    members,
    join: join_,
    until: (specId, satisfied) => untilFacts(client, specId as SpecId, satisfied),
    state: async (specId) => {
      const { state } = await replaySpec(client, specId as SpecId, { traces: false })
      if (state === undefined) throw new Error(`the log has nothing of ${specId}`)
      return state
    },
    record,
    placement: async (runId) => {
      const run = await record(runId)
      if (!isPlaced(run)) throw new Error(`run ${runId} is ${run.state}`)
      return run
    },
    workerOf: (sandboxId) => workerOf(join(home, 'fleet', 'process'), sandboxId as SandboxId),
    printLogs: () => printLogs(members),
    endInOrder: async () => {
      const ended = await Promise.all(members.map(({ term }) => term()))
      const badly = ended.filter((how) => how !== 0 && how !== 'SIGKILL')
      if (badly.length > 0) throw new Error(`orchestrators ended with ${badly.join(', ')}`)
      await expectNothingLeft(traces)
      const accounts = await mint.accounts()
      if (accounts.length > 0) throw new Error(`accounts of sandboxes are left: ${accounts.join(', ')}`)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function writeKeys(home: string, nats: SecuredTestNats) {
  const write = async (name: string, text: string) => {
    const path = join(home, name)
    await writeFile(path, text, { mode: 0o600 })
    return path
  }
  return {
    orchestrator: await write('orchestrator.creds', nats.orchestratorCreds),
    system: await write('system.creds', nats.systemCreds),
    client: await write('client.creds', nats.clientCreds),
    seed: await write('operator.seed', nats.operatorSigningSeed),
  }
}

async function startMember(env: Readonly<Record<string, string>>): Promise<Member> {
  const log: string[] = []
  const onLog = (line: string) => {
    log.push(line)
    if (log.length > HEARD) log.shift()
  }
  const process_ = await startOrchestrator({ env, onLog, signal: new AbortController().signal }).catch(
    (error: unknown) => {
      if (log.length > 0) console.error(log.slice(-LOG_TAIL).join('\n'))
      throw error
    },
  )
  let gone = false
  const exited = process_.exited.finally(() => {
    gone = true
  })
  const end = async (how: NodeJS.Signals) => {
    if (!gone) process_.kill(how)
    return exited
  }
  return {
    id: process_.ready.orchestrator,
    pid: process_.pid,
    log,
    exited,
    kill9: async () => void (await end('SIGKILL')),
    term: () => end('SIGTERM'),
  }
}

/** What does not end when it is asked to is killed. */
async function endAll(members: readonly Member[]): Promise<void> {
  await Promise.all(
    members.map(async ({ term, kill9, exited }) => {
      const timer = setTimeout(() => void kill9(), END_LIMIT_MS)
      await Promise.race([term(), exited])
      clearTimeout(timer)
    }),
  )
}

function printLogs(members: readonly Member[]): void {
  for (const { id, pid, log } of members)
    console.error(`\n── orchestrator ${id} (process ${pid}), end of its log ──\n${log.slice(-LOG_TAIL).join('\n')}`)
}

async function untilFacts(
  client: FleetClient,
  specId: SpecId,
  satisfied: (facts: readonly Fact[]) => boolean,
): Promise<Fact[]> {
  const facts: Fact[] = []
  const found = new AbortController()
  const late = AbortSignal.timeout(UNTIL_LIMIT_MS)
  const onFact = (fact: Fact) => {
    if (found.signal.aborted) return
    facts.push(fact)
    if (satisfied(facts)) found.abort()
  }
  await followSpec(client, specId, { onFact }, AbortSignal.any([found.signal, late]))
  if (found.signal.aborted) return facts
  const told = facts.map(({ type, epoch, data }) => `  ${type} (${epoch}) ${JSON.stringify(data).slice(0, 200)}`)
  throw new Error(`${specId} did not come to what was awaited within ${UNTIL_LIMIT_MS} ms:\n${told.join('\n')}`)
}

/** Below the shim: `timeout`, bwrap, its monitor inside, the worker. */
const LEVELS_BELOW_JOB = 3

async function workerOf(root: string, sandboxId: SandboxId): Promise<number> {
  const layout = sandboxLayout(engineLayout(root).sandboxes, sandboxId)
  const shim = await findShim(layout)
  const job = shim === undefined ? undefined : await findJob(layout, shim)
  const worker = job === undefined ? undefined : descend(await allProcesses(), job.pid, LEVELS_BELOW_JOB)
  if (worker === undefined) throw new Error(`no worker runs in sandbox ${sandboxId}`)
  return worker.pid
}

/** Predicates for `until`. */
export const has =
  (type: Fact['type'], fits: (fact: Fact) => boolean = () => true) =>
  (facts: readonly Fact[]): boolean =>
    facts.some((fact) => fact.type === type && fits(fact))
export const settled = has('run.settled')
export const settledRun = (runId: RunId | string) => has('run.settled', (fact) => fact.runId === runId)
