import { EventEmitter } from 'node:events'
import {
  BUCKETS,
  type Bus,
  type Fact,
  fold,
  foldRefused,
  openLog,
  openRecords,
  type ReadEntry,
  RunRecord,
  readEntry,
  type SpecState,
} from '@specfleet/shared'

/** One entry of the log as an onlooker heard it. */
export type Heard = {
  readonly seq: number
  readonly subject: string
  readonly read: ReadEntry
  /** `undefined`: nobody may say that, or nobody understands it. */
  readonly fact: Fact | undefined
  /** On this process's monotonic clock, in milliseconds. */
  readonly at: number
}

/** What an onlooker outside of the fleet sees of it: its log, and the records of its runs. It outlives the server. */
export class Chronicle implements AsyncDisposable {
  readonly #entries: Heard[] = []
  readonly #states = new Map<string, SpecState>()
  readonly #records = new Map<string, RunRecord>()
  readonly #changes = new EventEmitter()
  readonly #stop = new AbortController()
  #following: Promise<unknown> = Promise.resolve()

  /** The streams must exist. */
  static async open(app: Bus): Promise<Chronicle> {
    const chronicle = new Chronicle()
    const records = await openRecords(app, BUCKETS.runs, RunRecord)
    chronicle.#changes.setMaxListeners(0)
    const signal = chronicle.#stop.signal
    const watching = records.watch({
      signal,
      onChange: ({ key, held }) => {
        if (held !== undefined) chronicle.#records.set(key, held.value)
        chronicle.#changes.emit('change')
      },
    })
    chronicle.#following = Promise.all([watching, chronicle.#followLog(app, signal)])
    // Whoever waits is told at once; disposal tells who does not.
    chronicle.#following.catch((error: unknown) => chronicle.#changes.emit('end', error))
    return chronicle
  }

  get entries(): readonly Heard[] {
    return this.#entries
  }

  get facts(): Fact[] {
    return this.#entries.flatMap(({ fact }) => (fact === undefined ? [] : [fact]))
  }

  get records(): ReadonlyMap<string, RunRecord> {
    return this.#records
  }

  /** The fold of what was heard. */
  get states(): ReadonlyMap<string, SpecState> {
    return this.#states
  }

  /** Settles with the first answer that is not `undefined`; asked now and behind every change. Rejects with the signal's reason. */
  async until<T>(answer: () => T | undefined, signal: AbortSignal): Promise<T> {
    const found = Promise.withResolvers<T>()
    const ask = () => {
      const now = answer()
      if (now !== undefined) found.resolve(now)
    }
    const onAbort = () => found.reject(signal.reason)
    this.#changes.on('change', ask)
    this.#changes.on('end', found.reject)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      if (signal.aborted) onAbort()
      ask()
      return await found.promise
    } finally {
      this.#changes.off('change', ask)
      this.#changes.off('end', found.reject)
      signal.removeEventListener('abort', onAbort)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the chronicle is closed'))
    await this.#following
  }

  async #followLog(app: Bus, signal: AbortSignal): Promise<void> {
    for await (const batch of openLog(app).follow({ fromSeq: 1, signal })) {
      for (const entry of batch) this.#take(entry.seq, entry.subject, entry.value())
      this.#changes.emit('change')
    }
  }

  #take(seq: number, subject: string, value: unknown): void {
    const read = readEntry(subject, value)
    const fact = read.kind === 'fact' ? read.fact : undefined
    this.#entries.push({ seq, subject, read, fact, at: performance.now() })
    const specId = subject.split('.')[2] ?? ''
    const before = this.#states.get(specId)
    const after =
      read.kind === 'fact'
        ? fold(before, read.fact, seq)
        : read.kind === 'refused'
          ? foldRefused(before, read.reason, seq)
          : before
    if (after !== undefined) this.#states.set(specId, after)
  }
}
