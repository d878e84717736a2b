import {
  type Envelope,
  Envelope as EnvelopeSchema,
  type FactLog,
  type NewFact,
  newMessageId,
} from '@specfleet/shared/boot'
import type { Scope } from './scope.ts'

/** Receives the envelope of each fact; `openWorkerLog` makes the real one. */
export type FactSink = Pick<FactLog, 'append'>

/**
 * Facts on their way to the log, one after the other: the log accepts a worker's facts only in the
 * order of their `seq`, so a later one never overtakes one that is still being retried.
 */
export class FactsOut {
  readonly #sink: FactSink
  readonly #scope: Scope
  readonly #now: () => Date
  readonly #signal: AbortSignal
  #seq = 0
  #tail: Promise<unknown> = Promise.resolve()

  constructor(sink: FactSink, options: { scope: Scope; now: () => Date; signal: AbortSignal }) {
    this.#sink = sink
    this.#scope = options.scope
    this.#now = options.now
    this.#signal = options.signal
  }

  /** Settles when the fact is in the log. Rejects when the link is closed before that. */
  state(fact: NewFact): Promise<void> {
    const envelope = this.#seal(fact)
    const stated = this.#tail.then(async () => {
      await this.#sink.append(envelope, { signal: this.#signal })
    })
    // The caller hears of a failure; those behind it still get their turn.
    this.#tail = Promise.allSettled([stated])
    return stated
  }

  #seal(fact: NewFact): Envelope {
    this.#seq += 1
    return EnvelopeSchema.parse({
      v: 1,
      id: newMessageId(),
      type: fact.type,
      ...this.#scope,
      seq: this.#seq,
      at: this.#now().toISOString(),
      by: 'worker',
      data: fact.data,
    })
  }
}
