import type { PlacedRun, SandboxId } from '@specfleet/shared'
import type { Clock } from '../clock.ts'

/**
 * How long incarnations have lived, by our own monotonic clock. Of the time before we became
 * the owner only the record's wall-clock stamp tells; that is bounded, for either clock may
 * have jumped in between.
 */
export class Uptimes {
  readonly #clock: Clock
  readonly #mostMs: number
  /** When each was born, on the monotonic clock. */
  readonly #bornAt = new Map<SandboxId, number>()

  /** @param options.mostMs longest that an incarnation may live */
  constructor(collaborators: { clock: Clock }, options: { mostMs: number }) {
    this.#clock = collaborators.clock
    this.#mostMs = options.mostMs
  }

  /** From now on exactly these are timed. */
  follow(runs: readonly PlacedRun[]): void {
    const followed = new Set(runs.map((run) => run.placement.sandboxId))
    for (const id of this.#bornAt.keys()) if (!followed.has(id)) this.#bornAt.delete(id)
    for (const run of runs) this.ofMs(run)
  }

  ofMs(run: PlacedRun): number {
    const { sandboxId } = run.placement
    const now = this.#clock.monotonic()
    const bornAt = this.#bornAt.get(sandboxId) ?? now - this.#beforeUsMs(run)
    this.#bornAt.set(sandboxId, bornAt)
    return now - bornAt
  }

  /** A record that was written when its sandbox was begun was written by ourselves, a moment ago. */
  #beforeUsMs({ since, changedAt }: PlacedRun): number {
    if (changedAt === since) return 0
    return Math.min(Math.max(this.#clock.now().getTime() - Date.parse(since), 0), this.#mostMs)
  }
}
