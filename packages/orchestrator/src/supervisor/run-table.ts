import type { Held, Records, RunId, RunRecord } from '@specfleet/shared'
import { isLegalMove, SpecfleetError } from '@specfleet/shared'
import { Emitter } from '../emitter.ts'
import type { Log } from '../log.ts'
import type { ActiveRun } from './world.ts'

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
  readonly #held = new Map<string, Held<RunRecord>>()
  readonly #settled = new Map<string, SettledNote>()
  /** Settles when the run records can no longer be followed. */
  readonly failed: Promise<Error>
  readonly #fail: (error: Error) => void
  readonly #stop = new AbortController()
  #watching: Promise<void> = Promise.resolve()

  constructor(collaborators: Collaborators) {
    this.#with = collaborators
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
    return [...this.#held.values()].map((held) => held.value).filter(isActive)
  }

  get(runId: RunId): ActiveRun | undefined {
    const run = this.#held.get(runId)?.value
    return run !== undefined && isActive(run) ? run : undefined
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
      const created = await this.#with.records.create(run.runId, run)
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
    const written = await this.#with.records.replace(held, to)
    if (written === 'conflict') {
      await this.read(from.runId)
      return 'conflict'
    }
    this.#keep({ ...written, value: to }, 'own')
    return to
  }

  /** What is older than what we know is passed over; of the same age, our own object is kept for the next move. */
  #keep(held: Held<RunRecord>, origin: 'own' | 'told' = 'told'): void {
    const known = (this.#held.get(held.key) ?? this.#settled.get(held.key))?.revision ?? 0
    if (origin === 'own' ? known > held.revision : known >= held.revision) return
    const run = held.value
    if (run.runId !== held.key) {
      this.#with.log.error('run.misplaced', { key: held.key, runId: run.runId })
      return
    }
    if (isActive(run)) this.#held.set(held.key, held)
    else {
      const { epoch, changedAt } = run
      this.#held.delete(held.key)
      this.#settled.set(held.key, { epoch, changedAt, revision: held.revision })
    }
    this.changes.emit(run.runId)
  }

  #drop(key: string): void {
    const known = this.#held.get(key)
    this.#held.delete(key)
    this.#settled.delete(key)
    if (known !== undefined) this.changes.emit(known.value.runId)
  }
}

const isActive = (run: RunRecord): run is ActiveRun => run.state !== 'settled'
