import type { QueuedTask, TaskQueue } from '@specfleet/shared'
import { PRIORITIES, type Priority } from '@specfleet/shared'
import { type Clock, pause } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Slots } from '../supervisor/slots.ts'
import { counted, NOBODY_PASSED_OVER, whomToAsk } from './admission.ts'

/** One pull waits so long for a task; then another one does. */
const WAIT_MS = 20_000
const COOL_DOWN_MS = 1_000

type Collaborators = {
  readonly queue: TaskQueue
  readonly slots: Slots
  readonly clock: Clock
  readonly log: Log
  /** Takes one task on; acknowledges it, or gives it back. Never throws. */
  readonly accept: (task: QueuedTask) => Promise<void>
}

/**
 * Pulls tasks, never more than there are free slots.
 *
 * 1. Every task that was pulled is accepted or given back; none is forgotten.
 * 2. While nothing waits, one pull a priority waits for it. What those bring beyond the
 *    free slots goes back at once, for others.
 */
export class Consumer implements AsyncDisposable {
  readonly #with: Collaborators
  readonly #stop = new AbortController()
  readonly #accepting = new Set<Promise<void>>()
  /** Pulls that wait for a first task. */
  readonly #waiters = new Map<Priority, Promise<void>>()
  readonly #arrived: QueuedTask[] = []
  #wake: () => void = () => {}
  #passedOver = NOBODY_PASSED_OVER
  #running: Promise<void> = Promise.resolve()

  constructor(collaborators: Collaborators) {
    this.#with = collaborators
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Pulls nothing more; what was pulled is still accepted or given back. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('intake stops'))
    this.#wake()
    await Promise.allSettled([this.#running, ...this.#waiters.values()])
    for (const task of this.#arrived.splice(0)) task.nak()
    await Promise.allSettled(this.#accepting)
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        await this.#with.slots.available(signal)
        await this.#round(signal)
      } catch (error) {
        if (signal.aborted) return
        this.#with.log.warn('intake.failed', { error })
        await pause(this.#with.clock, COOL_DOWN_MS, signal)
      }
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    this.#takeArrived()
    const free = this.#with.slots.free
    if (free === 0) return
    let left = free
    for (const ask of whomToAsk(free, this.#passedOver)) {
      if (left === 0) break
      const max = Math.min(ask.most, left)
      const tasks = await this.#with.queue.pull(ask.priority, { max, waitMs: 0, signal })
      this.#passedOver = counted(this.#passedOver, ask, tasks.length)
      this.#arrived.push(...tasks)
      left -= tasks.length
    }
    if (left === free) await this.#waitForFirst(signal)
    this.#takeArrived()
  }

  #takeArrived(): void {
    for (const task of this.#arrived.splice(0)) {
      if (this.#with.slots.free === 0) task.nak()
      else this.#accept(task)
    }
  }

  #accept(task: QueuedTask): void {
    const slot = this.#with.slots.reserve()
    const accepting = this.#with.accept(task).finally(() => {
      this.#accepting.delete(accepting)
      slot[Symbol.dispose]()
    })
    this.#accepting.add(accepting)
  }

  async #waitForFirst(signal: AbortSignal): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    for (const priority of PRIORITIES)
      if (!this.#waiters.has(priority)) this.#waiters.set(priority, this.#waiter(priority, signal))
    if (this.#arrived.length === 0 && !signal.aborted) await woken
  }

  async #waiter(priority: Priority, signal: AbortSignal): Promise<void> {
    try {
      for (const task of await this.#with.queue.pull(priority, { max: 1, waitMs: WAIT_MS, signal }))
        if (this.#with.slots.free === 0) task.nak()
        else this.#arrived.push(task)
    } catch (error) {
      if (!signal.aborted) this.#with.log.warn('intake.not-pulled', { priority, error })
      await pause(this.#with.clock, COOL_DOWN_MS, signal)
    } finally {
      this.#waiters.delete(priority)
      this.#wake()
    }
  }
}
