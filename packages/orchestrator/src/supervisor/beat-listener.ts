import type { Bus, PlacedRun, SandboxId } from '@specfleet/shared'
import { Beat, subjects } from '@specfleet/shared'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import { sparingly } from '../sparingly.ts'
import type { Heartbeats } from './heartbeats.ts'

type Collaborators = {
  readonly bus: Bus
  readonly heartbeats: Heartbeats
  readonly clock: Clock
  readonly log: Log
}

/** Hears the heartbeats of the sandboxes we own, and of no others. */
export class BeatListener implements Disposable {
  readonly #with: Collaborators
  readonly #subscriptions = new Map<SandboxId, Disposable>()

  constructor(collaborators: Collaborators) {
    this.#with = collaborators
  }

  /** From now on hears exactly these. */
  listenTo(runs: readonly PlacedRun[]): void {
    const wanted = new Map(runs.map((run) => [run.placement.sandboxId, run]))
    for (const [id, subscription] of this.#subscriptions)
      if (!wanted.has(id)) {
        subscription[Symbol.dispose]()
        this.#subscriptions.delete(id)
        this.#with.heartbeats.forget(id)
      }
    for (const [id, run] of wanted) if (!this.#subscriptions.has(id)) this.#subscriptions.set(id, this.#hear(id, run))
  }

  [Symbol.dispose](): void {
    this.listenTo([])
  }

  #hear(id: SandboxId, { runId, placement }: PlacedRun): Disposable {
    const { bus, heartbeats, clock, log } = this.#with
    heartbeats.expect(id)
    const onError = sparingly(clock, (count, error: unknown) =>
      log.warn('beats.malformed', { sandboxId: id, count, error }),
    )
    return bus.subscribe(
      subjects.beat(runId, placement.epoch),
      (message) => {
        const beat = Beat.safeParse(message.json())
        const missed = beat.success ? heartbeats.heard(id, beat.data) : 0
        if (missed > 0) log.warn('beats.missed', { sandboxId: id, missed })
      },
      { onError },
    )
  }
}
