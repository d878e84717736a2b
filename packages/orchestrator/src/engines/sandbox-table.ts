import { type SandboxId, toSpecfleetError } from '@specfleet/shared'
import type { Clock } from '../clock.ts'
import { Emitter } from '../emitter.ts'
import type { Log } from '../log.ts'
import type { Labels, RefusedOnWay, Sandbox, SandboxProvider } from '../providers/provider.ts'

const RELIST_AFTER_MS = 2_000

type Collaborators = { readonly provider: SandboxProvider; readonly clock: Clock; readonly log: Log }

/**
 * What the engine has, as its events and listings tell.
 *
 * 1. `sandboxes()` is `undefined` whenever something may have been missed.
 * 2. A listing never undoes what was learnt of a sandbox while it was under way.
 */
export class SandboxTable implements AsyncDisposable {
  readonly changes = new Emitter<void>()
  /** What sandboxes were refused on their way to the bus, with whose they are. */
  readonly refused = new Emitter<RefusedOnWay & { readonly labels: Labels }>()
  readonly #with: Collaborators
  #known = new Map<SandboxId, Sandbox>()
  /** Learnt of since the listing under way began. */
  readonly #fresh = new Set<SandboxId>()
  #complete = false
  #unreachable: string | undefined
  #listing: Promise<void> | undefined
  #listAgain = false
  #retry: Disposable | undefined
  #watch: AsyncDisposable | undefined
  #closed = false
  readonly #looks = new Set<Promise<void>>()

  constructor(collaborators: Collaborators) {
    this.#with = collaborators
  }

  /** Resolves when the engine was listed once, or could not be. */
  async start(): Promise<void> {
    this.#watch = this.#with.provider.watch((event) => {
      if (event.kind === 'gap') this.refresh()
      else if (event.kind === 'refused') this.#refuse(event)
      else this.#track(this.look(event.id).then(() => undefined))
    })
    this.refresh()
    await this.#listing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#retry?.[Symbol.dispose]()
    await this.#watch?.[Symbol.asyncDispose]()
    await Promise.allSettled([this.#listing, ...this.#looks])
  }

  sandboxes(): ReadonlyMap<SandboxId, Sandbox> | undefined {
    return this.#complete ? this.#known : undefined
  }

  /** Why the last listing failed; `undefined` when it did not. */
  get unreachable(): string | undefined {
    return this.#unreachable
  }

  /** Something may have been missed: list the engine again. */
  refresh(): void {
    this.#complete = false
    this.#listAgain = true
    this.#listing ??= this.#list()
  }

  /** Asks the engine for one sandbox, and remembers the answer. */
  async look(id: SandboxId): Promise<Sandbox | undefined> {
    const sandbox = await this.#with.provider.inspect(id)
    this.#learn(id, sandbox)
    return sandbox
  }

  made(sandbox: Sandbox): void {
    this.#learn(sandbox.id, sandbox)
  }

  gone(id: SandboxId): void {
    this.#learn(id, undefined)
  }

  #learn(id: SandboxId, sandbox: Sandbox | undefined): void {
    this.#fresh.add(id)
    if (sandbox === undefined) this.#known.delete(id)
    else this.#known.set(id, sandbox)
    this.changes.emit()
  }

  async #list(): Promise<void> {
    while (this.#listAgain && !this.#closed) {
      this.#listAgain = false
      this.#fresh.clear()
      try {
        const listed = new Map((await this.#with.provider.list()).map((sandbox) => [sandbox.id, sandbox]))
        for (const id of this.#fresh) {
          const learnt = this.#known.get(id)
          if (learnt === undefined) listed.delete(id)
          else listed.set(id, learnt)
        }
        this.#known = listed
        this.#complete = !this.#listAgain
        this.#unreachable = undefined
      } catch (error) {
        this.#with.log.warn('engine.not-listed', { engine: this.#with.provider.engine, error })
        this.#unreachable = `it cannot be listed: ${toSpecfleetError(error).message}`
        this.#retry?.[Symbol.dispose]()
        if (!this.#closed) this.#retry = this.#with.clock.after(RELIST_AFTER_MS, () => this.refresh())
        break
      }
    }
    // Before anybody is told: who refreshes from here on begins a listing of their own.
    this.#listing = undefined
    this.changes.emit()
  }

  /** One of another orchestrator's may be new to us. */
  #refuse(event: RefusedOnWay): void {
    const known = this.#known.get(event.id)
    if (known !== undefined) {
      this.refused.emit({ ...event, labels: known.labels })
      return
    }
    this.#track(
      this.look(event.id).then((sandbox) => {
        if (sandbox !== undefined) this.refused.emit({ ...event, labels: sandbox.labels })
      }),
    )
  }

  /** A look that fails may have missed something, as a gap does. */
  #track(look: Promise<void>): void {
    const tracked: Promise<void> = look
      .catch((error: unknown) => {
        this.#with.log.warn('engine.not-inspected', { engine: this.#with.provider.engine, error })
        if (!this.#closed) this.refresh()
      })
      .finally(() => this.#looks.delete(tracked))
    this.#looks.add(tracked)
  }
}
