import type { Bus, PlacedRun, SandboxId } from '@specfleet/shared'
import { Beat, subjects } from '@specfleet/shared'
import type { Clock } from '../clock.ts'
import type { RefusalBook } from '../ledger/refusals.ts'
import type { Log } from '../log.ts'
import { sparingly } from '../sparingly.ts'
import type { Heartbeats } from './heartbeats.ts'

type Collaborators = {
  readonly bus: Bus
  readonly heartbeats: Heartbeats
  readonly clock: Clock
  readonly log: Log
  readonly refusals: RefusalBook
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

  #hear(id: SandboxId, { specId, runId, placement }: PlacedRun): Disposable {
    const { bus, heartbeats, clock, log, refusals } = this.#with
    heartbeats.expect(id)
    const warn = sparingly(clock, (count, error: unknown) =>
      log.warn('beats.malformed', { sandboxId: id, count, error }),
    )
    const onError = (error: unknown) => {
      warn(error)
      refusals.note({ specId, runId, epoch: placement.epoch }, { by: 'beat', reason: 'a heartbeat was malformed' })
    }
    return bus.subscribe(
      subjects.beat(runId, placement.epoch),
      (message) => {
        const missed = heartbeats.heard(id, Beat.parse(message.json()))
        if (missed > 0) log.warn('beats.missed', { sandboxId: id, missed })
      },
      { onError },
    )
  }
}
