import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ApprovalGate,
  type Bus,
  type CredentialMint,
  connectBus,
  Epoch,
  ensureTopology,
  type Fact,
  type FactType,
  fold,
  newMessageId,
  openCredentialMint,
  openLog,
  parseFact,
  parseTrace,
  RunId,
  readTurns,
  SpecId,
  type SpecState,
  type StoredTurn,
  subjects,
  type Trace,
} from '@specfleet/shared'
import { type SecuredTestNats, startNats } from '@specfleet/testkit'
import { type DeskTerms, serveDesk } from './worker-desk.ts'
import { type ShippedWorker, WorkerProcess } from './worker-process.ts'

const HOUR_MS = 3_600_000

export type HostOptions = DeskTerms & { worker: ShippedWorker }

/**
 * All that a worker needs around it: a real server, credentials of its own for each incarnation, a desk
 * that derives what it says from the log, and a model that is a peer at `api`.
 */
export class WorkerHost implements AsyncDisposable {
  readonly specId = SpecId.parse('orders')
  readonly runId = RunId.parse('task-1')
  readonly traces: Trace[] = []
  epoch = 0
  readonly nats: SecuredTestNats
  readonly bus: Bus
  readonly #mint: CredentialMint
  readonly #options: HostOptions
  readonly #stack: AsyncDisposableStack

  private constructor(
    nats: SecuredTestNats,
    bus: Bus,
    mint: CredentialMint,
    options: HostOptions,
    stack: AsyncDisposableStack,
  ) {
    this.nats = nats
    this.bus = bus
    this.#mint = mint
    this.#options = options
    this.#stack = stack
  }

  static async start(options: HostOptions): Promise<WorkerHost> {
    await using stack = new AsyncDisposableStack()
    const nats = stack.use(await startNats())
    const system = stack.use(await connectBus({ url: nats.url, creds: nats.systemCreds, name: 'system' }))
    const bus = stack.use(await connectBus({ url: nats.url, creds: nats.orchestratorCreds, name: 'host' }))
    await ensureTopology(bus, { replicas: 1 })
    const mint = stack.use(
      openCredentialMint({
        system,
        app: bus,
        operatorSigningSeed: nats.operatorSigningSeed,
        appAccountId: nats.kit.appAccountId,
        now: () => new Date(),
        spare: 1,
      }),
    )
    const host = new WorkerHost(nats, bus, mint, options, stack.move())
    await host.#open()
    return host
  }

  async #open(): Promise<void> {
    this.#stack.use(serveDesk(this, this.#options))
    this.bus.subscribe(subjects.traces, (message) => {
      const trace = parseTrace(message.json())
      if (trace !== undefined) this.traces.push(trace)
    })
    await this.bus.flush()
    const { kind = 'spec', requireSpecSkill = false, approval = 'auto', phase } = this.#options.task ?? {}
    await this.#state('spec.submitted', 0, {
      taskId: this.runId,
      kind,
      projectId: 'shop',
      title: 'Orders',
      text: '# Orders',
      executionMode: 'exploration',
      requireSpecSkill,
      approval,
      budget: {},
      ...(phase === undefined ? {} : { phase }),
    })
    await this.#state('run.claimed', 0, { taskId: this.runId, kind, owner: 'host' })
  }

  async #state(type: FactType, epoch: number, data: object): Promise<void> {
    await openLog(this.bus).append({
      v: 1,
      id: newMessageId(),
      type,
      specId: this.specId,
      runId: type.startsWith('run.') ? this.runId : '-',
      epoch,
      seq: 0,
      at: new Date().toISOString(),
      by: type === 'run.fenced' ? 'supervisor' : 'intake',
      data,
    })
  }

  /** A person says yes. */
  approve(gate: ApprovalGate): Promise<void> {
    return this.#state('spec.approved', 0, { gate })
  }

  async facts(): Promise<Fact[]> {
    const facts: Fact[] = []
    for await (const entry of openLog(this.bus).readSpec(this.specId)) {
      const parsed = parseFact(entry.value())
      if (parsed.kind === 'fact') facts.push(parsed.fact)
    }
    return facts
  }

  async state(): Promise<SpecState> {
    const facts = await this.facts()
    const state = facts.reduce<SpecState | undefined>((folded, fact, at) => fold(folded, fact, at + 1), undefined)
    if (state === undefined) throw new Error('the log is empty')
    return state
  }

  turns(): Promise<StoredTurn[]> {
    return readTurns(this.bus, this.specId, this.runId)
  }

  /** Settles when the log holds so many facts of a type. */
  async until(type: FactType, count = 1): Promise<void> {
    const watching = new AbortController()
    let left = count
    for await (const batch of openLog(this.bus).follow({ fromSeq: 1, specId: this.specId, signal: watching.signal })) {
      const facts = batch.map((entry) => parseFact(entry.value()))
      left -= facts.filter((parsed) => parsed.kind === 'fact' && parsed.fact.type === type).length
      if (left <= 0) break
    }
    watching.abort()
  }

  /** Fences the next epoch and gives the environment of its sandbox. */
  async birth(variables: Record<string, string | undefined> = {}): Promise<Record<string, string>> {
    const turnsUpTo = Math.max(0, ...(await this.turns()).map(({ seq }) => seq))
    this.epoch += 1
    await this.#state('run.fenced', this.epoch, { owner: 'host', turnsUpTo })
    const scope = { specId: this.specId, runId: this.runId, epoch: Epoch.parse(this.epoch) }
    const { creds } = await this.#mint.mint(scope, { expiresAt: new Date(Date.now() + HOUR_MS) })
    const workspace = await mkdtemp(join(tmpdir(), 'specfleet-sandbox-'))
    this.#stack.defer(() => rm(workspace, { recursive: true, force: true }))
    const env = {
      SPEC_ID: this.specId,
      SPEC_PHASE: 'explore',
      PROJECT_ID: 'shop',
      TASK_ID: this.runId,
      RUN_ID: this.runId,
      RUN_EPOCH: String(this.epoch),
      SANDBOX_ID: `${this.runId}-${this.epoch}`,
      BUS_URL: this.nats.url,
      BUS_CREDS_B64: Buffer.from(creds).toString('base64'),
      MODEL: 'fake-model',
      WORKSPACE: workspace,
      ...variables,
    }
    return Object.fromEntries(
      Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    )
  }

  /** Starts the next epoch's worker. */
  async spawn(variables: Record<string, string | undefined> = {}): Promise<WorkerProcess> {
    return this.launch(await this.birth(variables))
  }

  launch(env: Record<string, string>): WorkerProcess {
    const worker = new WorkerProcess(this.#options.worker, env)
    this.#stack.defer(() => worker.end())
    return worker
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack[Symbol.asyncDispose]()
  }
}
