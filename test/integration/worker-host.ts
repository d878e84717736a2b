import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ApprovalGate,
  addUsage,
  BlobRequest,
  type Bus,
  type CallAnswer,
  type CredentialMint,
  connectBus,
  Epoch,
  ensureTopology,
  type Fact,
  type FactType,
  fold,
  type IncomingCall,
  ModelRequest,
  NO_USAGE,
  newMessageId,
  openCredentialMint,
  openLog,
  type Phase,
  parseFact,
  parseTrace,
  type ResumeState,
  RunId,
  readTurns,
  resumePoint,
  SpecfleetError,
  SpecId,
  type SpecState,
  type StoredTurn,
  serveCalls,
  subjects,
  type Trace,
} from '@specfleet/shared'
import { type FakeMessagesApi, type SecuredTestNats, startNats } from '@specfleet/testkit'
import { type ShippedWorker, WorkerProcess } from './worker-process.ts'
import type { Source } from './worker-source.ts'

const HOUR_MS = 3_600_000

export type HostOptions = {
  worker: ShippedWorker
  api: FakeMessagesApi
  source?: Source
  /** Further blobs by their name. */
  blobs?: ReadonlyMap<string, Uint8Array>
  task?: {
    requireSpecSkill?: boolean
    phase?: Phase
    kind?: 'spec' | 'prompt'
    approval?: 'auto' | ('requirements' | 'design' | 'tasks')[]
  }
}

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
    for (const service of ['resume', 'blob', 'model'] as const) {
      this.#stack.use(
        serveCalls(this.bus, {
          subject: subjects.desk('*', '*', service),
          queue: 'desk',
          handler: (call) => this.#answer(service, call),
        }),
      )
    }
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

  async #answer(service: 'resume' | 'blob' | 'model', call: IncomingCall): Promise<CallAnswer> {
    switch (service) {
      case 'resume':
        return { meta: await this.#resume() }
      case 'blob': {
        const { sha256 } = BlobRequest.parse(call.meta)
        const { source, blobs } = this.#options
        const bytes = source?.bundle.sha256 === sha256 ? source.bytes : blobs?.get(sha256)
        if (bytes === undefined) throw new SpecfleetError('blob.unknown', sha256)
        return { meta: { sha256, bytes: bytes.length }, body: bytes }
      }
      case 'model':
        return this.#passOn(call)
    }
  }

  async #passOn(call: IncomingCall): Promise<CallAnswer> {
    const { method, path, headers } = ModelRequest.parse(call.meta)
    const body = await new Response(call.body).text()
    const { host: _host, 'content-length': _length, ...rest } = headers
    const response = await fetch(`${this.#options.api.url}${path}`, {
      method,
      headers: rest,
      body,
      signal: call.signal,
    })
    const meta = { status: response.status, headers: Object.fromEntries(response.headers) }
    return response.body === null ? { meta } : { meta, body: response.body }
  }

  async #resume(): Promise<ResumeState> {
    const point = resumePoint(await this.state(), this.runId)
    if (point === undefined) throw new SpecfleetError('run.unknown')
    const turns = await readTurns(this.bus, this.specId, this.runId, { limits: point.turnLimits })
    const { requireSpecSkill = false, kind = 'spec', approval = 'auto' } = this.#options.task ?? {}
    return {
      v: 1,
      task: {
        kind,
        title: 'Orders',
        text: '# Orders',
        model: 'fake-model',
        executionMode: 'exploration',
        requireSpecSkill,
        selectedSkill: 'spec-driven-dev',
        approval,
        budget: {},
      },
      ...(point.phase === undefined ? {} : { phase: point.phase }),
      failedAttempts: point.failedAttempts,
      outputs: point.outputs,
      turns: turns.filter(({ conversation }) => conversation === point.conversation),
      turnsSoFar: Math.max(0, ...turns.map(({ turn }) => turn)),
      usage: turns.reduce((sum, { usage }) => addUsage(sum, usage), NO_USAGE),
      spent: { turns: turns.length, minutes: 0 },
      source: this.#options.source?.bundle ?? null,
      upstream: 'fake',
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack[Symbol.asyncDispose]()
  }
}
