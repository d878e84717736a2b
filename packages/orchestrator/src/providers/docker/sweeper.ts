import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Engine } from './engine.ts'
import { endForgotten } from './forgotten.ts'
import { findLeft, type Removed, removeLeft } from './remove-left.ts'
import { SweepTurns } from './sweep-turns.ts'

type Swept = Removed & { readonly failed: number }

/** Removes what makers and engines that died left half done, in the background: starts come first, however much is left. */
export class Sweeper implements Disposable {
  readonly #engine: Engine
  readonly #turns = new SweepTurns()
  #sweep: Promise<void> | undefined
  #isAsked = false
  #over = false

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Until it is disposed of, a sandbox is being started, and sweeping stands back. */
  start(): Disposable {
    return this.#turns.start()
  }

  /** Who asks while one is under way gets another behind it. Rejects when the engine cannot be asked what it has. */
  sweep(): Promise<void> {
    this.#isAsked = true
    this.#sweep ??= this.#sweepWhileAsked().finally(() => {
      this.#sweep = undefined
    })
    return this.#sweep
  }

  /** What is under way comes to its end; nothing is begun any more. */
  [Symbol.dispose](): void {
    this.#over = true
    this.#turns[Symbol.dispose]()
  }

  async #sweepWhileAsked(): Promise<void> {
    while (this.#isAsked && !this.#over) {
      this.#isAsked = false
      const startedAt = this.#engine.clock.monotonic()
      const swept = await this.#sweepOnce()
      let forgotten = 0
      try {
        // Behind the removals: a container that is being started has a shim of its own right.
        forgotten = await endForgotten(this.#engine)
      } finally {
        this.#tell({ ...swept, forgotten }, startedAt)
      }
    }
  }

  #tell(swept: Swept & { readonly forgotten: number }, startedAt: number): void {
    const { clock, log } = this.#engine
    const ms = Math.round(clock.monotonic() - startedAt)
    if (Object.values(swept).some((count) => count > 0)) log.info('sandboxes.swept', { ...swept, ms })
  }

  async #sweepOnce(): Promise<Swept> {
    const { client, layout, log } = this.#engine
    const { ids, waiting, parts } = await findLeft(this.#engine)
    const sum = { containers: 0, folders: 0, failed: 0 }
    const inTurn = (removal: () => Promise<Removed>) =>
      this.#turns.take(async () => {
        try {
          const { containers, folders } = await removal()
          sum.containers += containers
          sum.folders += folders
        } catch (error) {
          // One tells enough: an engine that fails at all of them says the same of each.
          if (sum.failed === 0) log.warn('sandbox.not-swept', { error })
          sum.failed += 1
        }
      })
    const removePart = async (entry: string) => {
      await rm(join(layout.sandboxes, entry), { recursive: true, force: true })
      return { containers: 0, folders: 1 }
    }
    const removeWaiting = async (containerId: string) => {
      await client.remove(containerId)
      return { containers: 1, folders: 0 }
    }
    await Promise.all([
      ...waiting.map((containerId) => inTurn(() => removeWaiting(containerId))),
      ...ids.map((id) => inTurn(() => removeLeft(this.#engine, id))),
      ...parts.map((entry) => inTurn(() => removePart(entry))),
    ])
    return sum
  }
}
