import type { FactLog, LogEntry, SpecId, SpecState } from '@specfleet/shared'
import { fold, foldRefused, parseScopedSubject, readEntry } from '@specfleet/shared'
import { Emitter } from '../emitter.ts'
import { FloodGauge } from './flood.ts'
import type { Incarnation, Ledger, LedgerChange } from './ledger.ts'

export type ProjectorOptions = {
  /** States to start from, each the fold of its spec at least up to `foldedTo`. */
  readonly states: readonly SpecState[]
  readonly foldedTo: number
  readonly floodFactsPerSecond: number
}

type Waiter = { readonly seq: number; readonly done: () => void }

/**
 * Folds the whole log, once and in order, into the state of every spec.
 *
 * 1. `foldedTo` only grows, and every entry up to it is in the states.
 * 2. An entry is never skipped: what cannot be a fact is counted as refused.
 * 3. Listeners and waiters hear of a batch after all of it is folded.
 */
export class Projector implements Ledger {
  readonly #log: FactLog
  readonly #states: Map<SpecId, SpecState>
  /** Also of entries that mean nothing to us. */
  readonly #lastSeqs = new Map<SpecId, number>()
  readonly #flood: FloodGauge
  readonly #changes = new Emitter<LedgerChange>()
  readonly #waiters = new Set<Waiter>()
  #foldedTo: number

  constructor(collaborators: { log: FactLog }, options: ProjectorOptions) {
    this.#log = collaborators.log
    this.#states = new Map(options.states.map((state) => [state.specId, state]))
    this.#foldedTo = options.foldedTo
    this.#flood = new FloodGauge(options.floodFactsPerSecond)
  }

  get foldedTo(): number {
    return this.#foldedTo
  }

  spec(id: SpecId): SpecState | undefined {
    return this.#states.get(id)
  }

  lastSeqOf(id: SpecId): number {
    return this.#lastSeqs.get(id) ?? this.#states.get(id)?.foldedTo ?? 0
  }

  specs(): Iterable<SpecState> {
    return this.#states.values()
  }

  onChange(listener: (change: LedgerChange) => void): Disposable {
    return this.#changes.on(listener)
  }

  caughtUp(seq: number, signal: AbortSignal): Promise<void> {
    if (seq <= this.#foldedTo) return Promise.resolve()
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const stop = () => {
        this.#waiters.delete(waiter)
        reject(signal.reason)
      }
      const waiter: Waiter = {
        seq,
        done: () => {
          this.#waiters.delete(waiter)
          signal.removeEventListener('abort', stop)
          resolve()
        },
      }
      this.#waiters.add(waiter)
      signal.addEventListener('abort', stop, { once: true })
    })
  }

  /** Follows the log until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    for await (const batch of this.#log.follow({ fromSeq: this.#foldedTo + 1, signal })) this.#take(batch)
  }

  #take(batch: readonly LogEntry[]): void {
    const specs = new Set<SpecId>()
    const floods: Incarnation[] = []
    const refused: { seq: number; subject: string; reason: string }[] = []
    for (const entry of batch) {
      if (entry.seq <= this.#foldedTo) continue
      const flood = this.#gauge(entry)
      if (flood !== undefined) floods.push(flood)
      const read = readEntry(entry.subject, entry.value())
      if (read.kind === 'refused') refused.push({ seq: entry.seq, subject: entry.subject, reason: read.reason })
      if (read.kind !== 'unknown' && read.specId !== undefined) {
        const before = this.#states.get(read.specId)
        const after =
          read.kind === 'fact' ? fold(before, read.fact, entry.seq) : foldRefused(before, read.reason, entry.seq)
        if (after !== undefined) this.#states.set(read.specId, after)
        specs.add(read.specId)
      }
      // Of specs that do not exist nothing is kept: there may be any number of names.
      if (read.specId !== undefined && this.#states.has(read.specId)) this.#lastSeqs.set(read.specId, entry.seq)
      this.#foldedTo = entry.seq
    }
    for (const waiter of [...this.#waiters]) if (waiter.seq <= this.#foldedTo) waiter.done()
    this.#changes.emit({ foldedTo: this.#foldedTo, specs, floods, refused })
  }

  #gauge(entry: LogEntry): Incarnation | undefined {
    const subject = parseScopedSubject(entry.subject)
    if (subject === undefined || subject.epoch === 0) return undefined
    if (!this.#flood.overflows(`${subject.runId}.${subject.epoch}`, entry.at.getTime())) return undefined
    return { runId: subject.runId, epoch: subject.epoch }
  }
}
