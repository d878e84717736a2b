import type { QueuedTask, TaskQueue } from '@specfleet/shared'
import { PRIORITIES, type Priority } from '@specfleet/shared'
import { type Clock, pause } from '../clock.ts'
import type { Log } from '../log.ts'
import type { RunTable } from '../supervisor/run-table.ts'

/** One pull waits so long for a task; then another one does. */
const WAIT_MS = 20_000
const COOL_DOWN_MS = 1_000
/** Most tasks of a priority that are being taken on at a time. */
const MOST_IN_HAND = 512

type Collaborators = {
  readonly queue: TaskQueue
  readonly table: Pick<RunTable, 'backlog' | 'changes'>
  readonly clock: Clock
  readonly log: Log
  /** Takes one task on; acknowledges it, or gives it back. Never throws. */
  readonly accept: (task: QueuedTask) => Promise<void>
}

export type ConsumerOptions = {
  /** Most runs of a priority that wait for a slot; further tasks stay in the queue. */
  readonly backlogLimit: number
}

/**
 * Pulls tasks for as long as the fleet's backlog has room, each priority by itself, so that
 * none waits behind another.
 *
 * 1. Every task that was pulled is accepted or given back; none is forgotten.
 * 2. What is in hand is bounded, and so is what waits for a slot.
 */
export class Consumer implements AsyncDisposable {
  readonly #with: Collaborators
  readonly #options: ConsumerOptions
  readonly #stop = new AbortController()
  readonly #lanes: Lane[]
  #running: Promise<unknown> = Promise.resolve()

  constructor(collaborators: Collaborators, options: ConsumerOptions) {
    this.#with = collaborators
    this.#options = options
    this.#lanes = PRIORITIES.map((priority) => new Lane(this.#with, this.#options, priority))
  }

  start(): void {
    this.#running = Promise.all(this.#lanes.map((lane) => lane.run(this.#stop.signal)))
  }

  /** Pulls nothing more; what was pulled is still accepted or given back. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('intake stops'))
    await this.#running
    await Promise.all(this.#lanes.map((lane) => lane.accepted()))
  }
}

/** The tasks of one priority. */
class Lane {
  readonly #with: Collaborators
  readonly #options: ConsumerOptions
  readonly #priority: Priority
  readonly #inHand = new Set<Promise<void>>()
  #wake: () => void = () => {}

  constructor(collaborators: Collaborators, options: ConsumerOptions, priority: Priority) {
    this.#with = collaborators
    this.#options = options
    this.#priority = priority
  }

  /** Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { table, queue, log, clock } = this.#with
    using _changes = table.changes.on(() => this.#wake())
    while (!signal.aborted) {
      try {
        await this.#roomy(signal)
        const tasks = await queue.pull(this.#priority, { max: this.#room, waitMs: WAIT_MS, signal })
        for (const task of tasks) this.#accept(task)
      } catch (error) {
        if (signal.aborted) return
        log.warn('intake.failed', { priority: this.#priority, error })
        await pause(clock, COOL_DOWN_MS, signal)
      }
    }
  }

  async accepted(): Promise<void> {
    await Promise.all(this.#inHand)
  }

  /** Enough for a pull that is worth its round trip, or none. */
  get #room(): number {
    if (this.#inHand.size > MOST_IN_HAND / 2) return 0
    const waiting = this.#with.table.backlog.size(this.#priority)
    return Math.min(MOST_IN_HAND, this.#options.backlogLimit - waiting) - this.#inHand.size
  }

  #accept(task: QueuedTask): void {
    const accepting = this.#with.accept(task).finally(() => {
      this.#inHand.delete(accepting)
      this.#wake()
    })
    this.#inHand.add(accepting)
  }

  /** Resolves when there is room; rejects with the signal's reason. */
  async #roomy(signal: AbortSignal): Promise<void> {
    const onAbort = () => this.#wake()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      while (this.#room <= 0) {
        signal.throwIfAborted()
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
      signal.throwIfAborted()
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}
