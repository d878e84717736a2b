import { type ExitReport, type SandboxId, SpecfleetError } from '@specfleet/shared'
import type {
  Created,
  Sandbox,
  SandboxEvent,
  SandboxProvider,
  SandboxRequest,
} from '../../orchestrator/src/providers/provider.ts'
import { runScriptedWorker, type Script } from './scripted-worker.ts'

type Inmate = { request: SandboxRequest; kill: AbortController; exit: ExitReport | undefined; over: Promise<void> }

/** Of a worker that ended by itself, with nothing to complain of. */
export const CLEAN_EXIT: ExitReport = {
  code: 0,
  signal: null,
  oom: false,
  pids: false,
  output: false,
  wallClock: false,
  logTail: [],
}

/**
 * An engine whose sandboxes are scripts in this process. It outlives the orchestrators that
 * use it, as a real one does, and can be told to fail.
 */
export class ScriptedEngine implements AsyncDisposable {
  readonly name: string
  readonly engine: string
  readonly images: boolean
  /** Every sandbox that was ever asked for, in order. */
  readonly requests: SandboxRequest[] = []
  /** While set, `create` answers this instead. */
  failure: Extract<Created, { kind: 'failed' }> | undefined
  /** While set, the engine answers nothing else than that it is away. */
  away = false
  readonly #busUrl: string
  readonly #scriptOf: (request: SandboxRequest) => Script
  readonly #inmates = new Map<SandboxId, Inmate>()
  readonly #destroyed: (() => void)[] = []
  readonly #listeners = new Set<(event: SandboxEvent) => void>()

  constructor(options: {
    busUrl: string
    name?: string
    engine?: string
    images?: boolean
    scriptOf: (request: SandboxRequest) => Script
  }) {
    this.name = options.name ?? 'scripted'
    this.engine = options.engine ?? 'scripted:here'
    this.images = options.images ?? false
    this.#busUrl = options.busUrl
    this.#scriptOf = options.scriptOf
  }

  /** The engine as one orchestrator sees it. */
  provider(): SandboxProvider & AsyncDisposable {
    return {
      name: this.name,
      engine: this.engine,
      images: this.images,
      isolation: 'none: scripts in the process of the test',
      create: async (request) => this.#reached().#create(request),
      inspect: async (id) => this.#reached().#describe(id),
      list: async () => [...this.#reached().#inmates.keys()].flatMap((id) => this.#describe(id) ?? []),
      stop: async (id) => this.#reached().kill(id),
      destroy: async (id) => {
        this.#reached()
        await this.kill(id)
        this.#inmates.delete(id)
        for (const wake of this.#destroyed.splice(0)) wake()
      },
      watch: (listener) => {
        this.#listeners.add(listener)
        return { [Symbol.asyncDispose]: async () => void this.#listeners.delete(listener) }
      },
      [Symbol.asyncDispose]: async () => undefined,
    }
  }

  get alive(): SandboxId[] {
    return [...this.#inmates].filter(([, { exit }]) => exit === undefined).map(([id]) => id)
  }

  get existing(): SandboxId[] {
    return [...this.#inmates.keys()]
  }

  /** Resolves when nothing of that run is left. */
  async untilGone(runId: string): Promise<void> {
    const left = () => this.existing.some((id) => this.#inmates.get(id)?.request.labels.runId === runId)
    while (left()) await new Promise<void>((resolve) => this.#destroyed.push(resolve))
  }

  /** As `kill -9` from outside; resolves when it is dead. */
  async kill(id: SandboxId): Promise<void> {
    const inmate = this.#inmates.get(id)
    inmate?.kill.abort(new Error('killed'))
    await inmate?.over
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.existing.map((id) => this.kill(id)))
  }

  #reached(): this {
    if (this.away) throw new SpecfleetError('provider.engine-gone', this.engine)
    return this
  }

  /** It is back, and says that something may have been missed. */
  comeBack(): void {
    this.away = false
    for (const listener of this.#listeners) listener({ kind: 'gap' })
  }

  #create(request: SandboxRequest): Created {
    this.requests.push(request)
    if (this.failure !== undefined) return this.failure
    if (!this.#inmates.has(request.id)) this.#inmates.set(request.id, this.#start(request))
    return { kind: 'running' }
  }

  #start(request: SandboxRequest): Inmate {
    const kill = new AbortController()
    const env = { ...request.env, BUS_URL: this.#busUrl, WORKSPACE: '/nowhere' }
    const run = runScriptedWorker(env, this.#scriptOf(request), kill.signal).then(
      (code): ExitReport => ({ ...CLEAN_EXIT, code }),
      (error: unknown): ExitReport =>
        kill.signal.aborted
          ? { ...CLEAN_EXIT, code: null, signal: 'SIGKILL' }
          : {
              ...CLEAN_EXIT,
              code: 1,
              logTail: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
            },
    )
    const inmate: Inmate = { request, kill, exit: undefined, over: Promise.resolve() }
    inmate.over = run.then((exit) => {
      inmate.exit = exit
      for (const listener of this.#listeners) listener({ kind: 'exited', id: request.id })
    })
    return inmate
  }

  #describe(id: SandboxId): Sandbox | undefined {
    const inmate = this.#inmates.get(id)
    if (inmate === undefined) return undefined
    const { request, exit } = inmate
    return { id, labels: request.labels, state: exit === undefined ? { kind: 'running' } : { kind: 'exited', exit } }
  }
}
