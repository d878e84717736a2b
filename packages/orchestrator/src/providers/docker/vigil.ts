/**
 * What is watched of each running container, besides its end: how long it runs, how much it writes, and whether a
 * fork bomb has taken it. Who goes beyond is ended, and why is written down first.
 */
import { writeFile } from 'node:fs/promises'
import type { SandboxId } from '@specfleet/shared'
import { outputBytes, wallClockSeconds } from '../limits.ts'
import { Patrol } from '../patrol.ts'
import type { EngineVerdict } from '../post-mortem.ts'
import type { Engine } from './engine.ts'
import type { Container } from './exit.ts'
import { sandboxFolder } from './layout.ts'
import { processGroupOf } from './process-group.ts'
import { containerOf } from './warm/handed-over.ts'

/** Its clock and ours may differ by so much: it is to have had all of its time. */
const GRACE_MS = 100

export class Vigil implements Disposable {
  readonly #engine: Engine
  readonly #kill: (id: SandboxId) => Promise<void>
  readonly #kept = new Map<SandboxId, DisposableStack>()
  readonly #pids = new Map<SandboxId, number>()
  readonly #patrol: Patrol
  #over = false

  constructor(engine: Engine, kill: (id: SandboxId) => Promise<void>) {
    this.#engine = engine
    this.#kill = kill
    this.#patrol = new Patrol({
      clock: engine.clock,
      log: engine.log,
      groupOf: (id) => processGroupOf(this.#pids.get(id) ?? 0),
      verdictOf: (id) => this.#verdictOf(id),
      kill,
    })
  }

  isKept(id: SandboxId): boolean {
    return this.#kept.has(id)
  }

  /** Resolves when all of it is watched. */
  async keep({ identity: { id, limits }, pid, end }: Container): Promise<void> {
    if (this.#over || this.#kept.has(id)) return
    const kept = new DisposableStack()
    this.#kept.set(id, kept)
    this.#pids.set(id, pid)
    this.#patrol.watch(id)
    const endsAt = Date.parse(end.startedAt) + wallClockSeconds(limits) * 1_000 + GRACE_MS
    const left = endsAt - this.#engine.clock.now().getTime()
    kept.use(this.#engine.clock.after(left, () => void this.#end(id, undefined)))
    try {
      await this.#countOutput(id, outputBytes(limits), kept)
    } catch (error) {
      // Whoever sees it running next begins anew.
      if (this.#kept.get(id) === kept) this.forget(id)
      throw error
    }
  }

  forget(id: SandboxId): void {
    this.#kept.get(id)?.dispose()
    this.#kept.delete(id)
    this.#pids.delete(id)
    this.#patrol.forget(id)
  }

  [Symbol.dispose](): void {
    this.#over = true
    for (const id of [...this.#kept.keys()]) this.forget(id)
    this.#patrol[Symbol.dispose]()
  }

  async #countOutput(id: SandboxId, most: number, kept: DisposableStack): Promise<void> {
    let bytes = 0
    const count = (more: number) => {
      const before = bytes
      bytes += more
      if (before <= most && bytes > most) void this.#end(id, 'output')
    }
    const container = await containerOf(this.#engine, id)
    const following = await this.#engine.client.followOutput(container, count)
    if (kept.disposed) following[Symbol.dispose]()
    else kept.use(following)
  }

  /** Never rejects: what cannot be ended now is found by the next who looks. */
  async #end(id: SandboxId, verdict: EngineVerdict | undefined): Promise<void> {
    const { log } = this.#engine
    log.warn('sandbox.ended', { sandboxId: id, why: verdict ?? 'wall-clock' })
    try {
      if (verdict !== undefined) await writeFile(this.#verdictOf(id), verdict, { mode: 0o600 })
      await this.#kill(id)
    } catch (error) {
      log.error('sandbox.not-ended', { sandboxId: id, error })
    }
  }

  #verdictOf(id: SandboxId): string {
    return sandboxFolder(this.#engine.layout.sandboxes, id).ended
  }
}
