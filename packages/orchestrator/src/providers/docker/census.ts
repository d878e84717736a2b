/** Tells what the engine's containers are as sandboxes, and looks only at those of which it does not know it yet. */
import type { SandboxId } from '@specfleet/shared'
import { readIfAny } from '../engine-folder/read-if-any.ts'
import { verdictIn } from '../post-mortem.ts'
import type { Sandbox } from '../provider.ts'
import { isBeingMade } from './destroy-sandbox.ts'
import { EndedSandboxes } from './ended-sandboxes.ts'
import type { Engine } from './engine.ts'
import { type Container, reportOf } from './exit.ts'
import type { ListedContainer } from './find-container.ts'
import { sandboxFolder } from './layout.ts'
import { findSandbox, type ToldContainer, withWhatBecame } from './warm/handed-over.ts'
import { withoutOwnWords } from './warm/own-words.ts'

/** Who watches over what runs. */
export type Watch = {
  isKept(id: SandboxId): boolean
  keep(container: Container): void
  forget(id: SandboxId): void
}

export class Census {
  readonly #engine: Engine
  readonly #watch: Watch
  readonly #ended = new EndedSandboxes()

  constructor(engine: Engine, watch: Watch) {
    this.#engine = engine
    this.#watch = watch
  }

  async find(id: SandboxId): Promise<Sandbox | undefined> {
    const container = await findSandbox(this.#engine, id)
    return container === undefined ? undefined : this.#describe(container)
  }

  async all(): Promise<readonly Sandbox[]> {
    const { client, fleet, folder } = this.#engine
    const listed = await client.list(fleet, folder)
    this.#ended.keep(listed)
    const told = await withWhatBecame(this.#engine, listed)
    const sandboxes = await Promise.all(told.map((container) => this.#known(container) ?? this.#look(container)))
    return sandboxes.filter((sandbox) => sandbox !== undefined)
  }

  /** What nothing more than its place in a listing has to be known of. */
  #known(container: ListedContainer): Sandbox | undefined {
    const { identity, state } = container
    if (identity === undefined) return undefined
    const { id, labels } = identity
    if (state === 'running') return this.#watch.isKept(id) ? { id, labels, state: { kind: 'running' } } : undefined
    return state === 'exited' ? this.#ended.find(container) : undefined
  }

  async #look({ identity, containerId, became }: ToldContainer): Promise<Sandbox | undefined> {
    const container = identity && (await this.#engine.client.inspect(containerId, became))
    return container && this.#describe(container)
  }

  /** `undefined` for what a maker that died left half made. */
  async #describe(container: Container): Promise<Sandbox | undefined> {
    const { id, labels } = container.identity
    if (labels.fleet !== this.#engine.fleet) return undefined
    if (container.state === 'running') {
      // One that is being handed over may yet turn out not to be it.
      const isSure = !container.waited || !isBeingMade(this.#engine, id)
      if (isSure && !this.#watch.isKept(id)) this.#watch.keep(container)
      return { id, labels, state: { kind: 'running' } }
    }
    if (container.state === 'made') {
      return isBeingMade(this.#engine, id) ? { id, labels, state: { kind: 'running' } } : undefined
    }
    this.#watch.forget(id)
    const sandbox: Sandbox = { id, labels, state: { kind: 'exited', exit: await this.#exitOf(container) } }
    this.#ended.remember(sandbox, container)
    return sandbox
  }

  async #exitOf(container: Container) {
    const { id } = container.identity
    const [log, ended] = await Promise.all([
      this.#engine.client.tail(container.containerId),
      readIfAny(sandboxFolder(this.#engine.layout.sandboxes, id).ended),
    ])
    return reportOf({ container, ended: verdictIn(ended), log: container.waited ? withoutOwnWords(log) : log })
  }
}
