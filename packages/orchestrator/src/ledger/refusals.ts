import type { Epoch, NewFact, Refuser, RunId, SpecId } from '@specfleet/shared'
import type { Clock } from '../clock.ts'
import type { Emitter } from '../emitter.ts'
import type { FactWriter } from '../facts.ts'
import type { Log } from '../log.ts'
import { inPrint } from './in-print.ts'

export type Incarnation = { readonly specId: SpecId; readonly runId: RunId; readonly epoch: Epoch }

/** Something that a sandbox was refused. */
export type Refusal = {
  readonly by: Refuser
  readonly reason: string
  /** Default 1. */
  readonly count?: number
}

/** Where refusals are told; whoever refuses need not wait. */
export interface RefusalBook {
  note(of: Incarnation, refusal: Refusal): void
}

const FIRST_PAUSE_MS = 2_000
const PAUSE_GROWTH = 1.25
/** A sandbox that is refused without end for two hours costs the log some hundred facts a refuser. */
const LONGEST_PAUSE_MS = 60_000
/** Beyond that the run that was told of longest ago begins anew. */
const MOST_RUNS = 10_000
/** What is left is written for so long at the end. */
const FAREWELL_MS = 2_000

type Page = {
  readonly untold: Map<Refuser, { of: Incarnation; count: number; lastReason: string }>
  pauseMs: number
  pause: Disposable | undefined
}

type Collaborators = {
  readonly facts: FactWriter
  /** The run records: what is left of a run is told when its record changes. */
  readonly table: { readonly changes: Emitter<RunId> }
  readonly clock: Clock
  readonly log: Log
}

/**
 * Makes facts of what sandboxes are refused.
 *
 * 1. The first refusal of a run is told at once; then all that came meanwhile together, after pauses that
 *    grow: nobody floods the log by being refused.
 * 2. What was not told when the record of the run changes, is told then: an end leaves nothing open.
 * 3. A crash of ours loses what was not told. Counts are lower bounds.
 */
export class Refusals implements RefusalBook, AsyncDisposable {
  readonly #with: Collaborators
  readonly #pages = new Map<RunId, Page>()
  readonly #changes: Disposable
  readonly #writing = new Set<Promise<void>>()
  readonly #stop = new AbortController()

  constructor(collaborators: Collaborators) {
    this.#with = collaborators
    this.#changes = collaborators.table.changes.on((runId) => {
      const page = this.#pages.get(runId)
      if (page !== undefined) this.#tell(page)
    })
  }

  note(of: Incarnation, { by, reason, count = 1 }: Refusal): void {
    const page = this.#pageOf(of.runId)
    const before = page.untold.get(by)?.count ?? 0
    page.untold.set(by, { of, count: before + count, lastReason: reason })
    if (page.pause === undefined) this.#turn(page)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#changes[Symbol.dispose]()
    for (const page of this.#pages.values()) {
      page.pause?.[Symbol.dispose]()
      this.#tell(page)
    }
    using _limit = this.#with.clock.after(FAREWELL_MS, () => this.#stop.abort(new Error('refusals are told no longer')))
    await Promise.all(this.#writing)
  }

  #pageOf(runId: RunId): Page {
    const known = this.#pages.get(runId)
    if (known !== undefined) return known
    const page: Page = { untold: new Map(), pauseMs: FIRST_PAUSE_MS, pause: undefined }
    this.#pages.set(runId, page)
    const [oldest] = this.#pages
    if (this.#pages.size > MOST_RUNS && oldest !== undefined) {
      oldest[1].pause?.[Symbol.dispose]()
      this.#pages.delete(oldest[0])
    }
    return page
  }

  /** Tells, and then nothing for a while. */
  #turn(page: Page): void {
    page.pause = undefined
    if (page.untold.size === 0) return
    this.#tell(page)
    page.pause = this.#with.clock.after(page.pauseMs, () => this.#turn(page))
    page.pauseMs = Math.min(page.pauseMs * PAUSE_GROWTH, LONGEST_PAUSE_MS)
  }

  #tell(page: Page): void {
    for (const [by, { of, count, lastReason }] of page.untold) {
      const data = { by, count, lastReason: inPrint(lastReason) }
      const telling: Promise<void> = this.#write(of, { type: 'run.refused', data }).finally(() =>
        this.#writing.delete(telling),
      )
      this.#writing.add(telling)
    }
    page.untold.clear()
  }

  /** Never rejects. */
  async #write(of: Incarnation, fact: NewFact): Promise<void> {
    try {
      await this.#with.facts.state(of, fact, { signal: this.#stop.signal })
    } catch (error) {
      this.#with.log.warn('refusal.not-told', { ...of, fact: fact.data, error })
    }
  }
}
