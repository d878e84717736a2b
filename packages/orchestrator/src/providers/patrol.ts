/**
 * Ends sandboxes that a fork bomb has taken. Control groups of version 1 tell nobody that a process was refused,
 * so this one thing has to be looked for: one small file a sandbox, once a second. More is read only of those that
 * were refused one.
 */
import { writeFile } from 'node:fs/promises'
import type { SandboxId } from '@specfleet/shared'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import { isForkBomb, LOOK_EVERY_MS, type Suspicion, suspect, UNSUSPECTED } from './fork-bomb.ts'
import type { EngineVerdict } from './post-mortem.ts'
import { ProcessCounter } from './process-counter.ts'

export type PatrolOptions = {
  readonly clock: Clock
  readonly log: Log
  /** The folder of the control group that counts a sandbox's processes, where there is one. */
  readonly groupOf: (id: SandboxId) => Promise<string | undefined>
  /** Where it is written why a sandbox was ended. */
  readonly verdictOf: (id: SandboxId) => string
  readonly kill: (id: SandboxId) => Promise<void>
}

/** What is known of one sandbox. */
type Watched = { readonly counter: ProcessCounter | undefined; readonly suspicion: Suspicion }

/** Looks at the sandboxes it was told to watch, for as long as there are any. */
export class Patrol implements Disposable {
  readonly #options: PatrolOptions
  readonly #watched = new Map<SandboxId, Watched | undefined>()
  #next: Disposable | undefined
  #over = false

  constructor(options: PatrolOptions) {
    this.#options = options
  }

  watch(id: SandboxId): void {
    if (!this.#watched.has(id)) this.#watched.set(id, undefined)
    if (!this.#over) this.#next ??= this.#later()
  }

  forget(id: SandboxId): void {
    this.#watched.get(id)?.counter?.[Symbol.dispose]()
    this.#watched.delete(id)
  }

  [Symbol.dispose](): void {
    this.#over = true
    this.#next?.[Symbol.dispose]()
    for (const id of [...this.#watched.keys()]) this.forget(id)
  }

  #later(): Disposable {
    return this.#options.clock.after(LOOK_EVERY_MS, () => {
      void this.#round().finally(() => {
        this.#next = this.#over || this.#watched.size === 0 ? undefined : this.#later()
      })
    })
  }

  async #round(): Promise<void> {
    await Promise.all(
      [...this.#watched].map(async ([id, watched]) => {
        try {
          await this.#look(id, watched)
        } catch (error) {
          this.#options.log.warn('provider.patrol-failed', { sandboxId: id, error })
        }
      }),
    )
  }

  async #look(id: SandboxId, known: Watched | undefined): Promise<void> {
    const watched = known ?? (await this.#begin(id))
    const { counter, suspicion } = watched
    // It may have ended meanwhile.
    if (this.#watched.get(id) !== watched || counter === undefined) return
    // Who was refused nothing is not looked at further: that is nearly everybody, and always.
    const seen = counter.refused() === 0 ? undefined : await counter.count()
    if (seen === undefined || this.#watched.get(id) !== watched) return
    const next = suspect(suspicion, seen)
    this.#watched.set(id, { ...watched, suspicion: next })
    if (!isForkBomb(next)) return
    this.forget(id)
    this.#options.log.warn('sandbox.ended', { sandboxId: id, why: 'pids', ...seen })
    await writeFile(this.#options.verdictOf(id), 'pids' satisfies EngineVerdict, { mode: 0o600 })
    await this.#options.kill(id)
  }

  async #begin(id: SandboxId): Promise<Watched> {
    const folder = await this.#options.groupOf(id)
    const isWatched = this.#watched.has(id)
    const counter = folder === undefined || !isWatched ? undefined : ProcessCounter.open(folder)
    const watched = { counter, suspicion: UNSUSPECTED }
    if (isWatched) this.#watched.set(id, watched)
    return watched
  }
}
