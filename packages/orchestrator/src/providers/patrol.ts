/**
 * Ends sandboxes that a fork bomb has taken. Control groups of version 1 tell nobody that a process was refused,
 * so this one thing has to be looked for: one small file a sandbox, once a second.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SandboxId } from '@specfleet/shared'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import { readIfAny } from './engine-folder/read-if-any.ts'
import { isForkBomb, LOOK_EVERY_MS, type ProcessCount, type Suspicion, suspect, UNSUSPECTED } from './fork-bomb.ts'
import { counter, type EngineVerdict } from './post-mortem.ts'

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
type Watched = { readonly folder: string | undefined; readonly suspicion: Suspicion }

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
    this.#watched.delete(id)
  }

  [Symbol.dispose](): void {
    this.#over = true
    this.#next?.[Symbol.dispose]()
    this.#watched.clear()
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
    const { folder, suspicion } = known ?? { folder: await this.#options.groupOf(id), suspicion: UNSUSPECTED }
    const seen = folder === undefined ? undefined : await countProcesses(folder)
    const next = seen === undefined ? suspicion : suspect(suspicion, seen)
    // It may have ended meanwhile.
    if (!this.#watched.has(id)) return
    this.#watched.set(id, { folder, suspicion: next })
    if (!isForkBomb(next)) return
    this.forget(id)
    this.#options.log.warn('sandbox.ended', { sandboxId: id, why: 'pids', ...seen })
    await writeFile(this.#options.verdictOf(id), 'pids' satisfies EngineVerdict, { mode: 0o600 })
    await this.#options.kill(id)
  }
}

/** What the group counts; `undefined` when it counts no processes, or is gone. */
export async function countProcesses(folder: string): Promise<ProcessCount | undefined> {
  const read = (name: string) => readIfAny(join(folder, name))
  const events = await read('pids.events')
  if (events === undefined) return undefined
  const [current, most] = await Promise.all([read('pids.current'), read('pids.max')])
  return { refused: counter(events, 'max'), current: Number(current ?? 0), most: Number(most ?? Number.NaN) }
}
