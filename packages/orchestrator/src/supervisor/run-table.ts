import type { Held, Records, RunRecord } from '@specfleet/shared'
import { isLegalMove, RunId, SpecfleetError } from '@specfleet/shared'
import { Emitter } from '../emitter.ts'
import type { Log } from '../log.ts'
import { Backlog } from './backlog.ts'
import { Creations } from './creations.ts'
import type { ActiveRun, ClaimedRun, QueuedRecord, QueuedRun } from './world.ts'

export type SettledRun = Extract<RunRecord, { state: 'settled' }>
/** What is remembered of a settled run without asking the bus. */
type SettledNote = Pick<SettledRun, 'epoch' | 'changedAt'> & { readonly revision: number }

type Collaborators = { readonly records: Records<RunRecord>; readonly log: Log }

/**
 * The run records as the bus last told them, and the only writer of them.
 *
 * 1. Every write is a compare-and-set against the very value that the decision was made on.
 * 2. Only legal moves are written; a settled run is never written again.
 */
export class RunTable implements AsyncDisposable {
  /** Some record changed, here or elsewhere. */
  readonly changes = new Emitter<RunId>()
  readonly #with: Collaborators
  /** Those that wait for their first slot. */
  readonly backlog = new Backlog()
  readonly #held = new Map<string, Held<ActiveRun>>()
  /** Revisions of those in the backlog. */
  readonly #queued = new Map<string, number>()
  readonly #settled = new Map<string, SettledNote>()
  /** Settles when the run records can no longer be followed. */
  readonly failed: Promise<Error>
  readonly #fail: (error: Error) => void
  readonly #creations: Creations
  readonly #stop = new AbortController()
  #watching: Promise<void> = Promise.resolve()

  constructor(collaborators: Collaborators) {
    this.#with = collaborators
    this.#creations = new Creations(collaborators.records)
    const { promise, resolve } = Promise.withResolvers<Error>()
    this.failed = promise
    this.#fail = resolve
  }

  /** Resolves when every record that existed is known. */
  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#watching = this.#with.records.watch({
        signal: this.#stop.signal,
        onChange: ({ key, held }) => (held === undefined ? this.#drop(key) : this.#keep(held)),
        onCaughtUp: resolve,
        onMalformed: (key, reason) => this.#with.log.error('run.malformed', { key, reason }),
      })
      this.#watching.catch((error: unknown) => {
        reject(error)
        this.#fail(error instanceof Error ? error : new Error(String(error)))
      })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the run table closes'))
    await Promise.allSettled([this.#watching])
  }

  active(): ActiveRun[] {
    return Array.from(this.#held.values(), (held) => held.value)
  }

  get(runId: RunId): ActiveRun | undefined {
    return this.#held.get(runId)?.value
  }

  settledEpoch(runId: RunId): number | undefined {
    return this.#settled.get(runId)?.epoch
  }

  settledAt(runId: RunId): string | undefined {
    return this.#settled.get(runId)?.changedAt
  }

  /** Asks the bus, past what it last told. */
  async read(runId: RunId): Promise<RunRecord | undefined> {
    const held = await this.#with.records.get(runId)
    if (held !== undefined) this.#keep(held)
    return held?.value
  }

  /** Whether the bus, too, has no newer record than this one. */
  async isCurrent(run: ActiveRun): Promise<boolean> {
    await this.read(run.runId)
    return this.#held.get(run.runId)?.value === run
  }

  /** Resolves with the record that exists already, if one does. */
  async create(run: RunRecord): Promise<{ created: boolean; run: RunRecord }> {
    for (;;) {
      const created = await this.#creations.create(run)
      if (created !== 'exists') {
        this.#keep(created)
        return { created: true, run: created.value }
      }
      const existing = await this.read(run.runId)
      if (existing !== undefined) return { created: false, run: existing }
    }
  }

  /** Replaces a record. `conflict` when it is no longer the one that is known, here or on the bus. */
  async move<T extends RunRecord>(from: ActiveRun, to: T): Promise<T | 'conflict'> {
    const held = this.#held.get(from.runId)
    if (held === undefined || held.value !== from) return 'conflict'
    if (!isLegalMove(from, to))
      throw new SpecfleetError('internal', `run ${from.runId} may not go from ${from.state} to ${to.state}`)
    return this.#replace(held, to)
  }

  /** Gives a queued run its first owner. `conflict` when it is not queued any more. */
  async take(queued: QueuedRun, claimed: (run: QueuedRecord) => ClaimedRun): Promise<ClaimedRun | 'conflict'> {
    const held = await this.#with.records.get(queued.runId)
    if (held?.value.state === 'queued') return this.#replace(held, claimed(held.value))
    if (held !== undefined) this.#keep(held)
    else this.#drop(queued.runId)
    return 'conflict'
  }

  async #replace<T extends RunRecord>(held: Held<RunRecord>, to: T): Promise<T | 'conflict'> {
    const written = await this.#with.records.replace(held, to)
    if (written === 'conflict') {
      await this.read(to.runId)
      return 'conflict'
    }
    this.#keep({ ...written, value: to }, 'own')
    return to
  }

  /** What is older than what we know is passed over; of the same age, our own object is kept for the next move. */
  #keep(held: Held<RunRecord>, origin: 'own' | 'told' = 'told'): void {
    const known = this.#revisionOf(held.key)
    if (origin === 'own' ? known > held.revision : known >= held.revision) return
    const { key, value: run, revision } = held
    if (run.runId !== key) {
      this.#with.log.error('run.misplaced', { key, runId: run.runId })
      return
    }
    this.#forget(key)
    this.backlog.saw(run)
    if (run.state === 'queued') this.#queued.set(key, revision)
    else if (run.state === 'settled') this.#settled.set(key, { epoch: run.epoch, changedAt: run.changedAt, revision })
    else this.#held.set(key, { key, value: run, revision })
    this.changes.emit(run.runId)
  }

  #drop(key: string): void {
    if (this.#revisionOf(key) === 0) return
    this.#forget(key)
    const runId = RunId.parse(key)
    this.backlog.gone(runId)
    this.changes.emit(runId)
  }

  #revisionOf(key: string): number {
    return (this.#held.get(key) ?? this.#settled.get(key))?.revision ?? this.#queued.get(key) ?? 0
  }

  #forget(key: string): void {
    this.#held.delete(key)
    this.#queued.delete(key)
    this.#settled.delete(key)
  }
}
