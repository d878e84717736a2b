/**
 * Sandboxes as processes of this host, isolated by bubblewrap, or, chosen by name, not isolated at all.
 *
 * 1. A sandbox is its folder: everything that is known about it is there, so any orchestrator of this host finds it.
 * 2. A shim, no child of ours in life, runs the worker, writes its exit and holds a FIFO: exits are told by the
 *    kernel to whoever reads that FIFO, however the sandbox or its maker ended.
 * 3. The environment travels in a file that only the sandbox's user may read and that the worker removes: no
 *    credential is ever an argument or a variable of a process.
 * 4. What isolation was asked for and cannot be had is refused; there is no fallback.
 * 5. Nothing is polled but one counter a sandbox: that a process was refused is told by no event (see patrol.ts).
 */
import { randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import { type SandboxId, SpecfleetError } from '@specfleet/shared'
import type { Clock } from '../../clock.ts'
import type { Log } from '../../log.ts'
import { whenReleased } from '../engine-folder/alive.ts'
import { Fifos } from '../engine-folder/fifos.ts'
import { folderName, makeEngineFolders } from '../engine-folder/folder.ts'
import { type EngineLayout, engineLayout } from '../engine-folder/layout.ts'
import { allProcesses, descend, signalProcess } from '../engine-folder/processes.ts'
import { isSameIncarnation } from '../incarnation.ts'
import { refuseLimits } from '../limits.ts'
import { Patrol } from '../patrol.ts'
import type { Created, Sandbox, SandboxEvent, SandboxProvider, SandboxRequest } from '../provider.ts'
import { tellRefused } from '../tell-refused.ts'
import { openForwarder } from '../wire/forwarder.ts'
import { createSandbox } from './create-sandbox.ts'
import { destroySandbox, sweep } from './destroy-sandbox.ts'
import type { Engine } from './engine.ts'
import { type FoundSandbox, findJob, findSandbox, findShim, listSandboxIds, readExit } from './find-sandbox.ts'
import { describeLimits, findConfiner, missingPrograms, type Refusal } from './host-abilities.ts'
import { describeIsolation, type Isolation, prepareIsolation } from './isolation.ts'
import { sandboxLayout } from './layout.ts'
import { processGroupOf } from './process-group.ts'
import { placeShim } from './system-folder.ts'

export type ProcessProviderOptions = {
  /** The engine's folder. Whoever opens a provider on the same folder of the same host reaches the same sandboxes. */
  readonly root: string
  /** Marks this fleet's sandboxes among those of the engine. */
  readonly fleet: string
  /** `host:port` of each server of the bus, as this host reaches it, best first. */
  readonly busAddresses: readonly string[]
  /** The worker, one file that needs nothing beside it. */
  readonly workerBundle: string
  /** No isolation: for hosts without bubblewrap, by the operator's choice. */
  readonly unsafe: boolean
  /** A bubblewrap that is not among the system's programs. */
  readonly bwrapPath?: string
  readonly clock: Clock
  readonly log: Log
}

/**
 * Disposal gives back what this process holds; sandboxes go on, and so does their way to the bus.
 * @throws SpecfleetError `provider.unavailable` with the reason when the isolation cannot be had here;
 * `worker.bundle` when the worker cannot be read; `provider.failed` when the bus cannot be carried
 */
export async function openProcessProvider(options: ProcessProviderOptions): Promise<SandboxProvider & AsyncDisposable> {
  const refusal = await missingPrograms(!options.unsafe, process.platform)
  if (refusal !== undefined) throw unavailable(refusal)
  const layout = engineLayout(resolve(options.root))
  await makeEngineFolders(layout)
  const { fleet, workerBundle, clock, log, busAddresses } = options
  const listeners = new Set<(event: SandboxEvent) => void>()
  const [host, wire] = await Promise.allSettled([
    prepareHost(layout, options),
    openForwarder({
      root: layout.wire,
      sandboxes: layout.sandboxes,
      busAddresses,
      clock,
      log,
      onRefused: tellRefused(listeners),
    }),
  ])
  if (wire.status === 'rejected') throw wire.reason
  await using opened = new AsyncDisposableStack()
  opened.use(wire.value)
  if (host.status === 'rejected') throw host.reason
  if (host.value.isolation?.snapshot === false) log.warn('engine.no-snapshot')
  const fifos = opened.use(await Fifos.open(layout))
  const engine: Engine = { layout, fleet, workerBundle, clock, log, wire: wire.value, fifos, ...host.value }
  await sweep(engine)
  const provider = new ProcessProvider(engine, `process:${await folderName(layout)}`.slice(0, 256), listeners)
  // From here on it is the provider's.
  opened.move()
  return provider
}

async function prepareHost(layout: EngineLayout, options: ProcessProviderOptions) {
  const [isolation, confiner, shim] = await Promise.all([
    options.unsafe ? undefined : isolate(layout, options),
    findConfiner(`specfleet-probe-${randomUUID()}`),
    placeShim(layout.system),
  ])
  return { isolation, confiner, shim }
}

async function isolate(layout: EngineLayout, options: ProcessProviderOptions): Promise<Isolation> {
  const isolation = await prepareIsolation(layout, { bundle: options.workerBundle, bwrapPath: options.bwrapPath })
  if ('reason' in isolation) throw unavailable(isolation)
  return isolation
}

const unavailable = ({ reason, next }: Refusal) => new SpecfleetError('provider.unavailable', reason, { next })

/** `sun_path` of Linux, less its final zero. */
const LONGEST_SOCKET_PATH = 107

class ProcessProvider implements SandboxProvider, AsyncDisposable {
  readonly name: string
  readonly engine: string
  readonly isolation: string
  /** They run on the system of this host. */
  readonly images = false
  readonly #engine: Engine
  readonly #listeners: Set<(event: SandboxEvent) => void>
  readonly #watched = new Map<SandboxId, Disposable>()
  readonly #patrol: Patrol

  constructor(engine: Engine, name: string, listeners: Set<(event: SandboxEvent) => void>) {
    this.#engine = engine
    this.#listeners = listeners
    this.engine = name
    this.name = engine.isolation === undefined ? 'process-unsafe' : 'process'
    this.#patrol = new Patrol({
      clock: engine.clock,
      log: engine.log,
      groupOf: (id) => processGroupOf(sandboxLayout(engine.layout.sandboxes, id)),
      verdictOf: (id) => sandboxLayout(engine.layout.sandboxes, id).ended,
      kill: (id) => this.stop(id, 'kill'),
    })
    this.isolation = `${describeIsolation(engine.isolation)}; ${describeLimits(engine.confiner, engine.isolation !== undefined)}`
  }

  async create(request: SandboxRequest, signal: AbortSignal): Promise<Created> {
    const refused = refuseLimits(request.limits) ?? this.#refusePath(request.id)
    if (refused !== undefined) return failed(new SpecfleetError('config.invalid', refused))
    if (request.image !== undefined)
      return failed(
        new SpecfleetError('task.image', `"${request.image}", and a process runs on the system of its host`),
      )
    try {
      return await this.#create(request, signal)
    } catch (error) {
      if (signal.aborted) throw error
      // What the system refuses now, for want of space or processes, it may grant later.
      return failed(
        error instanceof SpecfleetError
          ? error
          : new SpecfleetError('provider.failed', String(error), { cause: error }),
      )
    }
  }

  /** Isolated, it is mounted at a short path. */
  #refusePath(id: SandboxId): string | undefined {
    const { socket } = sandboxLayout(this.#engine.layout.sandboxes, id)
    if (this.#engine.isolation !== undefined || Buffer.byteLength(socket) <= LONGEST_SOCKET_PATH) return undefined
    return `${socket} is longer than the ${LONGEST_SOCKET_PATH} bytes that a socket's path may have: choose a shorter home`
  }

  async #create(request: SandboxRequest, signal: AbortSignal): Promise<Created> {
    const { id, labels } = request
    for (let attempt = 0; attempt < 3; attempt++) {
      const found = await this.#find(id)
      if (found !== undefined && found.kind !== 'half-made') {
        if (!isSameIncarnation(found.record.labels, labels))
          return failed(new SpecfleetError('provider.conflict', `${id} is a sandbox of another run`))
        this.#follow(id)
        return { kind: 'running' }
      }
      if (found !== undefined) await destroySandbox(this.#engine, id)
      if ((await createSandbox(this.#engine, request, signal)) === 'made') {
        this.#follow(id)
        return { kind: 'running' }
      }
    }
    return failed(new SpecfleetError('provider.conflict', `the folder ${id} holds no sandbox`))
  }

  async inspect(id: SandboxId): Promise<Sandbox | undefined> {
    const found = await this.#find(id)
    return found === undefined || found.record.labels.fleet !== this.#engine.fleet ? undefined : this.#describe(found)
  }

  async list(): Promise<readonly Sandbox[]> {
    const ids = await listSandboxIds(this.#engine.layout.sandboxes)
    const found = await Promise.all(ids.map((id) => this.inspect(id)))
    return found.filter((sandbox) => sandbox !== undefined)
  }

  async stop(id: SandboxId, how: 'term' | 'kill'): Promise<void> {
    const sandbox = sandboxLayout(this.#engine.layout.sandboxes, id)
    const shim = await findShim(sandbox)
    if (shim === undefined) return
    const job = await findJob(sandbox, shim)
    if (job === undefined || how === 'kill') return await signalProcess(job ?? shim, 'SIGKILL')
    // The worker is the child of `timeout`; isolated, of the first process of its namespace, bwrap's grandchild.
    const worker = descend(await allProcesses(), job.pid, this.#engine.isolation === undefined ? 1 : 3)
    await signalProcess(worker ?? job, 'SIGTERM')
  }

  async destroy(id: SandboxId): Promise<void> {
    this.#unfollow(id)
    await destroySandbox(this.#engine, id)
  }

  watch(onEvent: (event: SandboxEvent) => void): AsyncDisposable {
    // A closure of its own, so that one function may watch twice.
    const listener = (event: SandboxEvent) => onEvent(event)
    this.#listeners.add(listener)
    // Whatever is listed as running is followed.
    this.list().catch((error: unknown) => {
      this.#engine.log.error('provider.watch-failed', { error })
      listener({ kind: 'gap' })
    })
    return { [Symbol.asyncDispose]: async () => void this.#listeners.delete(listener) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear()
    this.#patrol[Symbol.dispose]()
    for (const id of [...this.#watched.keys()]) this.#unfollow(id)
    await this.#engine.wire[Symbol.asyncDispose]()
    await this.#engine.fifos[Symbol.asyncDispose]()
  }

  #find(id: SandboxId): Promise<FoundSandbox | undefined> {
    return findSandbox(sandboxLayout(this.#engine.layout.sandboxes, id))
  }

  async #describe(found: FoundSandbox): Promise<Sandbox> {
    const { id, labels } = found.record
    if (found.kind === 'live') {
      this.#follow(id)
      return { id, labels, state: { kind: 'running' } }
    }
    const told = found.kind === 'ended' ? found.exit : undefined
    const exit = await readExit(sandboxLayout(this.#engine.layout.sandboxes, id), found.record, told)
    return { id, labels, state: { kind: 'exited', exit } }
  }

  /** Tells the exit of a sandbox once, at once if it has ended already. */
  #follow(id: SandboxId): void {
    if (this.#watched.has(id)) return
    const { alive } = sandboxLayout(this.#engine.layout.sandboxes, id)
    const watch = whenReleased(alive, () => {
      this.#watched.delete(id)
      this.#patrol.forget(id)
      for (const listener of this.#listeners) listener({ kind: 'exited', id })
    })
    this.#watched.set(id, watch)
    this.#patrol.watch(id)
  }

  #unfollow(id: SandboxId): void {
    this.#watched.get(id)?.[Symbol.dispose]()
    this.#watched.delete(id)
    this.#patrol.forget(id)
  }
}

const failed = ({ code, message, retryable }: SpecfleetError): Created => ({ kind: 'failed', code, message, retryable })
