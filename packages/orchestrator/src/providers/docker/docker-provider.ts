/**
 * Sandboxes as containers of a Docker engine on this host.
 *
 * 1. A sandbox is its container, found by its name and by its labels, and a folder of this host that holds its wire.
 * 2. The environment travels over the container's standard input: the engine, which shows variables, arguments and
 *    labels to whoever may ask, never sees a credential.
 * 3. Exits are told by the engine's events; whenever those were interrupted, all is listed again.
 * 4. An engine that does not answer says nothing: what it has is unknown then, not dead.
 * 5. A container is never removed by itself: its state and its last words stay until `destroy`.
 */
import { SandboxId, SpecfleetError, toSpecfleetError } from '@specfleet/shared'
import { Semaphore } from '../../semaphore.ts'
import { whenReleased } from '../engine-folder/alive.ts'
import { exists } from '../engine-folder/place.ts'
import { isSameIncarnation } from '../incarnation.ts'
import { refuseLimits } from '../limits.ts'
import type { Created, Sandbox, SandboxEvent, SandboxProvider, SandboxRequest } from '../provider.ts'
import type { AskedImages } from './asked-images.ts'
import { Census } from './census.ts'
import { containerName } from './container.ts'
import { createSandbox } from './create-sandbox.ts'
import { Deaths } from './deaths.ts'
import { destroySandbox, isBeingMade } from './destroy-sandbox.ts'
import type { Engine } from './engine.ts'
import type { Container } from './exit.ts'
import { sandboxFolder } from './layout.ts'
import { removeLeft } from './remove-left.ts'
import { Sweeper } from './sweeper.ts'
import { Vigil } from './vigil.ts'
import { allHandedOver, containerOf, findSandbox } from './warm/handed-over.ts'
import { isWaitingName } from './warm/place.ts'
import type { WarmPool } from './warm/pool.ts'
import type { WorkerImages } from './worker-images.ts'

const ATTEMPTS = 3
/** All that a fleet left behind may be told to go at once; starts are not to wait for it at the engine. */
const REMOVALS_AT_ONCE = 8

export class DockerProvider implements SandboxProvider, AsyncDisposable {
  readonly name = 'docker'
  readonly images = true
  readonly engine: string
  readonly isolation: string
  readonly #engine: Engine
  readonly #asked: AskedImages
  readonly #listeners: Set<(event: SandboxEvent) => void>
  readonly #making = new Map<SandboxId, Promise<Created>>()
  readonly #vigil: Vigil
  readonly #sweeper: Sweeper
  readonly #census: Census
  readonly #removals = new Semaphore(REMOVALS_AT_ONCE)
  readonly #deaths: Deaths
  readonly #tasks = new Set<Promise<void>>()
  readonly #images: WorkerImages
  readonly #pool: WarmPool | undefined

  constructor(
    engine: Engine,
    asked: AskedImages,
    about: { readonly engine: string; readonly isolation: string },
    listeners: Set<(event: SandboxEvent) => void>,
    images: WorkerImages,
    pool: WarmPool | undefined,
  ) {
    this.#engine = engine
    this.#asked = asked
    this.#images = images
    this.#pool = pool
    images.onChange = () => pool?.tend()
    images.onTold = () => asked.forget()
    this.#listeners = listeners
    this.engine = about.engine
    this.isolation = about.isolation
    this.#vigil = new Vigil(engine, (id) => this.stop(id, 'kill'))
    this.#census = new Census(engine, {
      isKept: (id) => this.#vigil.isKept(id),
      keep: (container) => this.#begin(this.#vigil.keep(container)),
      forget: (id) => this.#vigil.forget(id),
    })
    this.#sweeper = new Sweeper(engine)
    this.#deaths = new Deaths(engine, {
      onDeath: (name) => this.#died(name),
      onGap: () => {
        this.#tell({ kind: 'gap' })
        this.#begin(this.#sweeper.sweep())
        this.#begin(images.look())
        asked.forget()
        pool?.tend()
      },
    })
  }

  /** Begins to listen, and to remove what is half made, which nobody waits for. */
  async start(): Promise<void> {
    await this.#deaths.start()
    await this.#images.look()
    this.#begin(this.#sweeper.sweep())
    this.#pool?.tend()
  }

  async create(request: SandboxRequest, signal: AbortSignal): Promise<Created> {
    const refused = refuseLimits(request.limits)
    if (refused !== undefined) return failed(new SpecfleetError('config.invalid', refused))
    using _start = this.#sweeper.start()
    try {
      // Who asks for the same one meanwhile waits, and then finds it.
      for (let other = this.#making.get(request.id); other !== undefined; other = this.#making.get(request.id))
        await Promise.allSettled([other])
      const making = this.#create(request, signal)
      this.#making.set(request.id, making)
      return await making.finally(() => this.#making.delete(request.id))
    } catch (error) {
      if (signal.aborted) throw error
      return failed(request.image === undefined ? error : this.#asked.failed(request.image, error))
    }
  }

  async inspect(id: SandboxId): Promise<Sandbox | undefined> {
    return this.#census.find(id)
  }

  async list(): Promise<readonly Sandbox[]> {
    return this.#census.all()
  }

  async stop(id: SandboxId, how: 'term' | 'kill'): Promise<void> {
    await this.#engine.client.kill(await containerOf(this.#engine, id), how === 'term' ? 'SIGTERM' : 'SIGKILL')
  }

  async destroy(id: SandboxId): Promise<void> {
    this.#vigil.forget(id)
    await this.#removals.run(() => destroySandbox(this.#engine, id))
  }

  watch(onEvent: (event: SandboxEvent) => void): AsyncDisposable {
    // A closure of its own, so that one function may watch twice.
    const listener = (event: SandboxEvent) => onEvent(event)
    this.#listeners.add(listener)
    // What runs already is watched from now on, and who died before is found.
    this.#begin(this.list().then(() => undefined))
    return { [Symbol.asyncDispose]: async () => void this.#listeners.delete(listener) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool?.[Symbol.asyncDispose]()
    this.#listeners.clear()
    this.#deaths[Symbol.dispose]()
    this.#vigil[Symbol.dispose]()
    this.#images[Symbol.dispose]()
    this.#sweeper[Symbol.dispose]()
    // One may have begun another.
    while (this.#tasks.size > 0) await Promise.allSettled(this.#tasks)
    await this.#engine.wire[Symbol.asyncDispose]()
    await this.#engine.fifos[Symbol.asyncDispose]()
  }

  async #create(request: SandboxRequest, signal: AbortSignal): Promise<Created> {
    const { id } = request
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (isBeingMade(this.#engine, id)) await this.#untilMade(id)
      if (await this.#handOver(request, signal)) return this.#follow(id)
      // What has no folder is hardly ever there: then the engine says so by refusing its name.
      const found = attempt === 0 && !(await this.#hasFolder(id)) ? undefined : await findSandbox(this.#engine, id)
      if (found !== undefined && !isOf(found, request)) return taken(id)
      if (found !== undefined && found.state !== 'made') return this.#follow(id)
      // Whoever was making it has died.
      if (found !== undefined) await removeLeft(this.#engine, id)
      if ((await createSandbox(await this.#engineFor(request), request, signal)) === 'made') return this.#follow(id)
      await removeLeft(this.#engine, id)
    }
    return taken(id)
  }

  #hasFolder(id: SandboxId): Promise<boolean> {
    return exists(sandboxFolder(this.#engine.layout.sandboxes, id).folder)
  }

  /** Before the engine is asked whether it has the sandbox: that would take as long as all of the hand-over. */
  async #handOver(request: SandboxRequest, signal: AbortSignal): Promise<boolean> {
    if (this.#pool === undefined || (await this.#hasFolder(request.id))) return false
    const { image } = await this.#engineFor(request)
    return (await this.#pool.handOver(request, image, signal)) === 'handed-over'
  }

  /** As it makes containers of the image that is asked for. */
  async #engineFor({ image }: SandboxRequest): Promise<Engine> {
    return image === undefined ? this.#engine : { ...this.#engine, image: await this.#asked.of(image) }
  }

  #follow(id: SandboxId): Created {
    this.#begin(this.inspect(id).then(() => undefined))
    return { kind: 'running' }
  }

  #untilMade(id: SandboxId): Promise<void> {
    return new Promise((resolve) => {
      whenReleased(sandboxFolder(this.#engine.layout.sandboxes, id).making, resolve)
    })
  }

  #died(name: string): void {
    if (isWaitingName(this.#engine.fleet, name)) {
      this.#begin(this.#diedUnnamed(name))
      return
    }
    const id = SandboxId.safeParse(name.slice(this.#prefix.length))
    if (!name.startsWith(this.#prefix) || !id.success) return
    this.#vigil.forget(id.data)
    this.#tell({ kind: 'exited', id: id.data })
  }

  /** It may have been handed over, by whomever, and not have got its new name yet. */
  async #diedUnnamed(name: string): Promise<void> {
    for (const became of (await allHandedOver(this.#engine)).values()) {
      if (became.name !== name) continue
      this.#vigil.forget(became.identity.id)
      this.#tell({ kind: 'exited', id: became.identity.id })
    }
  }

  #tell(event: SandboxEvent): void {
    for (const listener of [...this.#listeners]) listener(event)
  }

  /** What is done on the side; an engine that fails at it may have hidden something. */
  #begin(work: Promise<void>): void {
    const task: Promise<void> = work
      .catch((error: unknown) => {
        this.#engine.log.warn('engine.not-asked', { engine: this.engine, error: toSpecfleetError(error) })
      })
      .finally(() => this.#tasks.delete(task))
    this.#tasks.add(task)
  }

  get #prefix(): string {
    return containerName(this.#engine.fleet, '')
  }
}

const isOf = ({ identity }: Container, { labels }: SandboxRequest): boolean =>
  isSameIncarnation(identity.labels, labels)

function failed(thrown: unknown): Created {
  // What the system refuses now, for want of space or processes, it may grant later.
  const { code, message, retryable } =
    thrown instanceof SpecfleetError ? thrown : new SpecfleetError('provider.failed', String(thrown))
  return { kind: 'failed', code, message, retryable }
}

const taken = (id: SandboxId): Created =>
  failed(new SpecfleetError('provider.conflict', `${id} is a sandbox of another run`))
