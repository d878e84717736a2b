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
  type Records,
  RunRecord,
  SpecId,
  type SpecState,
} from '@specfleet/shared'
import { FleetClient } from '../../cli/src/fleet/client.ts'
import { replaySpec } from '../../cli/src/fleet/follow.ts'
import { bubblewrapPath } from './bubblewrap.ts'
import { addToStock, drawFromStock } from './engine-stock.ts'
import { type FleetEngine, processEngine } from './fleet-engine.ts'
import { COMPILE_CACHE, endAll, type Member, printLogs, startMember } from './fleet-member.ts'
import { untilFacts, untilRecord } from './fleet-waits.ts'
import { expectNothingLeft, removeRemains } from './leaks.ts'
import { type SecuredTestNats, startNats } from './nats-server.ts'

export type FleetOptions = {
  /** How many orchestrators take part from the beginning. Default 1. */
  readonly orchestrators?: number
  /** Variables of every orchestrator, before those of the harness. */
  readonly env?: Readonly<Record<string, string>>
  /** Stands between the server and all who are told its address, those that only observe excepted. */
  readonly wire?: (natsUrl: string) => Promise<Wire>
  /** What sandboxes run on, given `SPECFLEET_HOME` of the members. Default: processes of this host. */
  readonly engine?: (home: string) => Promise<FleetEngine>
}

export type Wire = AsyncDisposable & { readonly url: string }

/** Short limits, so that a test waits for nothing longer than it must. */
const QUICK = {
  HEARTBEAT_LIMIT_MS: '4000',
  STOP_GRACE_MS: '5000',
  PAUSE_GRACE_MS: '30000',
  DRAIN_LIMIT_MS: '10000',
  BACKOFF_FIRST_MS: '20',
  BACKOFF_LONGEST_MS: '100',
  SPECFLEET_SLOTS: '4',
  SPECFLEET_PROVIDER: 'process',
  MODEL_UPSTREAM: 'offline',
  LOG_LEVEL: 'info',
}

/** Starts a server and so many orchestrators. Disposing ends and removes everything, however the test went. */
export async function openFleet({
  orchestrators = 1,
  env = {},
  wire,
  engine: openEngine = async (home) => processEngine(home),
}: FleetOptions = {}): Promise<Fleet> {
  await using parts = new AsyncDisposableStack()
  const nats = parts.use(await startNats())
  const home = await mkdtemp(join(tmpdir(), 'specfleet-fleet-'))
  parts.defer(() => rm(home, { recursive: true, force: true }))
  await chmod(home, 0o755)
  const engine = parts.use(await openEngine(join(home, 'fleet')))
  await drawFromStock(engine.root)
  const { url } = wire === undefined ? nats : parts.use(await wire(nats.url))
  const connect = async (at: string, creds: string, name: string) =>
    parts.use(await connectBus({ url: at, creds, name: `test ${name}` }))
  const keys = await writeKeys(home, nats)
  const bwrap = await bubblewrapPath()
  const client = await connect(url, nats.clientCreds, 'client')
  const app = await connect(nats.url, nats.orchestratorCreds, 'observer')
  const system = await connect(nats.url, nats.systemCreds, 'system')
  const fleet = new Fleet({ nats, url, home, keys, client, app, system, bwrap, env, engine, rest: parts.move() })
  try {
    await Promise.all(Array.from({ length: orchestrators }, () => fleet.join()))
    return fleet
  } catch (error) {
    await fleet[Symbol.asyncDispose]()
    throw error
  }
}

type Keys = Awaited<ReturnType<typeof writeKeys>>
type Parts = {
  readonly nats: SecuredTestNats
  /** By which members and clients reach it. */
  readonly url: string
  readonly home: string
  readonly keys: Keys
  readonly client: Bus
  readonly app: Bus
  readonly system: Bus
  readonly bwrap: string
  readonly env: Readonly<Record<string, string>>
  readonly engine: FleetEngine
  /** Given back behind the members. */
  readonly rest: AsyncDisposable
}

/** A whole fleet of real processes on a real server. */
export class Fleet implements AsyncDisposable {
  readonly nats: SecuredTestNats
  /** Holds everything but the server's data; `SPECFLEET_HOME` of the members is `fleet` in it. */
  readonly home: string
  /** What a user of the fleet may do. */
  readonly client: FleetClient
  /** In the account of the orchestrators: sees all, may do all. */
  readonly app: Bus
  /** In the account that watches over the server. */
  readonly system: Bus
  readonly mint: CredentialMint
  /** Variables by which a command-line process reaches this fleet. */
  readonly cliEnv: Readonly<Record<string, string>>
  /** Variables that members are started with. */
  readonly orchestratorEnv: Readonly<Record<string, string>>
  readonly #members: Member[] = []
  readonly #traces: { home: string; runIds: Set<string> }
  readonly #claims: Disposable
  readonly #engine: FleetEngine
  readonly #rest: AsyncDisposable

  constructor({ nats, url, home, keys, client, app, system, bwrap, env, engine, rest }: Parts) {
    this.#rest = rest
    this.#engine = engine
    this.nats = nats
    this.home = home
    this.client = new FleetClient(client)
    this.app = app
    this.system = system
    const { operatorSigningSeed, kit } = nats
    const now = () => new Date()
    this.mint = openCredentialMint({ system, app, operatorSigningSeed, appAccountId: kit.appAccountId, now, spare: 0 })
    this.cliEnv = { NATS_URL: url, NATS_CREDS: keys.client, SPECFLEET_HOME: join(home, 'cli') }
    this.orchestratorEnv = {
      PATH: process.env.PATH ?? '',
      HOME: home,
      SPECFLEET_HOME: join(home, 'fleet'),
      NODE_COMPILE_CACHE: COMPILE_CACHE,
      BWRAP_PATH: bwrap,
      ...QUICK,
      NATS_URL: url,
      NATS_CREDS: keys.orchestrator,
      NATS_SYSTEM_CREDS: keys.system,
      NATS_OPERATOR_SEED_FILE: keys.seed,
      ...env,
      ...engine.env,
    }
    const runIds = new Set<string>()
    this.#traces = { home, runIds }
    this.#claims = app.subscribe(CLAIMS, ({ subject }) => void runIds.add(subject.split('.')[3] ?? ''))
  }

  /** All that were ever started, in that order. */
  get members(): readonly Member[] {
    return this.#members
  }

  /** Starts one more orchestrator; settles when it takes work. */
  async join(env: Readonly<Record<string, string>> = {}): Promise<Member> {
    const member = await startMember({ ...this.orchestratorEnv, ...env })
    this.#members.push(member)
    return member
  }

  /** Settles with the facts of the spec so far, oldest first, as soon as they satisfy the predicate. */
  until(specId: string, satisfied: (facts: readonly Fact[]) => boolean): Promise<Fact[]> {
    return untilFacts(this.client, SpecId.parse(specId), satisfied)
  }

  /** Folded from the log as the fleet tells it. */
  async state(specId: string): Promise<SpecState> {
    const { state } = await replaySpec(this.client, SpecId.parse(specId), { traces: false })
    if (state === undefined) throw new Error(`the log has nothing of ${specId}`)
    return state
  }

  async record(runId: string): Promise<RunRecord> {
    const held = await (await this.#records()).get(runId)
    if (held === undefined) throw new Error(`there is no record of run ${runId}`)
    return held.value
  }

  /** Settles with the record of the run as soon as it satisfies the predicate. */
  async untilRecord(runId: string, satisfied: (run: RunRecord) => boolean): Promise<RunRecord> {
    return untilRecord(await this.#records(), runId, satisfied)
  }

  /** The record of a run that has a sandbox. @throws Error when it has none */
  async placement(runId: string): Promise<PlacedRun> {
    const run = await this.record(runId)
    if (!isPlaced(run)) throw new Error(`run ${runId} is ${run.state}`)
    return run
  }

  /** Process id, on this host, of the worker in that sandbox, if one runs there. */
  findWorker(sandboxId: string): Promise<number | undefined> {
    return this.#engine.findWorker(sandboxId)
  }

  /** @throws Error when no worker runs there */
  async workerOf(sandboxId: string): Promise<number> {
    const worker = await this.findWorker(sandboxId)
    if (worker === undefined) throw new Error(`no worker runs in sandbox ${sandboxId}`)
    return worker
  }

  /** Ends of the members' logs on standard error. */
  printLogs(): void {
    printLogs(this.#members)
  }

  /** Drains every member and proves that processes, sockets, folders, control groups and accounts are gone. */
  async endInOrder(): Promise<void> {
    const ended = await Promise.all(this.#members.map(({ term }) => term()))
    const badly = ended.filter((how) => how !== 0 && how !== 'SIGKILL')
    if (badly.length > 0) throw new Error(`orchestrators ended with ${badly.join(', ')}`)
    await expectNothingLeft(this.#traces)
    const accounts = await this.mint.accounts()
    if (accounts.length > 0) throw new Error(`accounts of sandboxes are left: ${accounts.join(', ')}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using _rest = this.#rest
    await using _mint = this.mint
    using _claims = this.#claims
    await endAll(this.#members)
    await addToStock(this.#engine.root)
    await removeRemains(this.#traces)
  }

  #records(): Promise<Records<RunRecord>> {
    return openRecords(this.app, BUCKETS.runs, RunRecord)
  }
}

const CLAIMS = 'sf.log.*.*.*.run.claimed'

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
