/**
 * Workers that wait, booted, for the next runs.
 *
 * 1. Each is used once.
 * 2. Where none waits, or it does not answer, the caller starts a sandbox cold: the pool never makes it wait.
 * 3. It is refilled one at a time, when nothing else starts.
 * 4. What waits of another image than the current one is dismissed; so is what is more than is wanted, the oldest first.
 */
import { toSpecfleetError } from '@specfleet/shared'
import { every } from '../../../clock.ts'
import type { PoolSize, SpareTurn } from '../../pool-size.ts'
import type { Limits, SandboxRequest } from '../../provider.ts'
import type { Engine } from '../engine.ts'
import type { ProvenImage } from '../image.ts'
import { handOver } from './hand-over.ts'
import { type Kind, kindOf, resourcesOf } from './kind.ts'
import { bootWaiting, dismiss, type Waiting } from './waiting.ts'
import { type Demand, IDLE_MS, wanted } from './wanted.ts'

export type WarmOptions = PoolSize & {
  /** Of the sandboxes that this fleet usually makes. */
  readonly limits: Limits
  /** For each that is made. */
  readonly turn: SpareTurn
}

/** So often it is looked whether fewer are wanted than wait. */
const LOOK_EVERY_MS = 60_000

type Asked = {
  readonly kind: Kind
  /** Its image was asked for by its name, and is not the engine's own choice. */
  readonly byName: boolean
  readonly at: readonly number[]
}

export class WarmPool implements AsyncDisposable {
  readonly #engine: Engine
  readonly #options: WarmOptions
  readonly #asked = new Map<string, Asked>()
  readonly #closing = new AbortController()
  readonly #tasks = new Set<Promise<void>>()
  readonly #round: Disposable
  /** The oldest first. */
  #waiting: Waiting[] = []
  #refill: Promise<void> | undefined

  constructor(engine: Engine, options: WarmOptions) {
    this.#engine = engine
    this.#options = options
    this.#round = every(engine.clock, LOOK_EVERY_MS, () => this.tend())
  }

  /** Gives the run to a worker that waits for such a one. `none`: a cold start is due. @throws the signal's reason */
  async handOver(request: SandboxRequest, image: ProvenImage, signal: AbortSignal): Promise<'handed-over' | 'none'> {
    signal.throwIfAborted()
    const kind = kindOf(image, request.limits)
    this.#note(kind, request.image !== undefined)
    const waiting = this.#take(kind)
    const done = waiting === undefined ? 'none' : await this.#handOver(waiting, request, signal)
    this.tend()
    // What was called off before its worker was told is not to be started cold either.
    if (done === 'none') signal.throwIfAborted()
    return done
  }

  async #handOver(waiting: Waiting, request: SandboxRequest, signal: AbortSignal): Promise<'handed-over' | 'none'> {
    const startedAt = this.#engine.clock.monotonic()
    const { log } = this.#engine
    const done = await handOver(this.#engine, waiting, request, signal)
    this.#begin(done.rest)
    const fields = { sandboxId: request.id, container: waiting.name }
    if (done.kind === 'failed') log.warn('warm.not-handed-over', { ...fields, error: done.why })
    else log.info('warm.handed-over', { ...fields, ms: Math.round(this.#engine.clock.monotonic() - startedAt) })
    return done.kind === 'taken' ? 'handed-over' : 'none'
  }

  /** Looks what is wanted now: dismisses what is too much, and makes what is missing when it is its turn. */
  tend(): void {
    if (this.#closing.signal.aborted) return
    this.#forgetOldDemand()
    const counts = this.#wanted()
    const kept = this.#waiting.filter(({ kind }, index) => {
      const younger = this.#waiting.slice(index + 1).filter((other) => other.kind.key === kind.key)
      return younger.length < (counts.get(kind.key) ?? 0)
    })
    const surplus = this.#waiting.filter((waiting) => !kept.includes(waiting))
    this.#waiting = kept
    for (const waiting of surplus) this.#begin(this.#dismiss(waiting))
    if (this.#refill === undefined && this.#missing() !== undefined)
      this.#refill = this.#makeUp().finally(() => {
        this.#refill = undefined
      })
  }

  /** Nobody waits any more; resolves when all are gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('nobody is kept waiting any more'))
    this.#round[Symbol.dispose]()
    await this.#refill
    for (const waiting of this.#waiting.splice(0)) this.#begin(this.#dismiss(waiting))
    while (this.#tasks.size > 0) await Promise.allSettled(this.#tasks)
  }

  /** One after the other, until nothing is missing or one fails: then at the next look. */
  async #makeUp(): Promise<void> {
    const { signal } = this.#closing
    const { log, clock } = this.#engine
    try {
      while (this.#missing() !== undefined) {
        const turn = await this.#options.turn(signal)
        if (turn === 'closed') return
        using _turn = turn
        const kind = this.#missing()
        if (kind === undefined) return
        const startedAt = clock.monotonic()
        const waiting = await bootWaiting(this.#engine, kind, signal)
        this.#waiting.push(waiting)
        void waiting.conversation.ended.then(() => this.#lost(waiting))
        const ms = Math.round(clock.monotonic() - startedAt)
        log.debug('warm.waiting', { container: waiting.name, ms, ...resourcesOf(kind.limits) })
        this.tend()
      }
    } catch (error) {
      if (!signal.aborted) log.warn('warm.not-made', { error: toSpecfleetError(error) })
    }
  }

  /** Nothing can be told to it any more: it has died, or its engine went away. */
  #lost(waiting: Waiting): void {
    if (!this.#waiting.includes(waiting)) return
    this.#waiting = this.#waiting.filter((other) => other !== waiting)
    this.#engine.log.warn('warm.lost', { container: waiting.name })
    this.#begin(dismiss(this.#engine, waiting))
    this.tend()
  }

  async #dismiss(waiting: Waiting): Promise<void> {
    await dismiss(this.#engine, waiting)
    this.#engine.log.debug('warm.dismissed', { container: waiting.name })
  }

  /** A kind of which fewer wait than are wanted. */
  #missing(): Kind | undefined {
    const kinds = this.#kinds()
    for (const [key, count] of this.#wanted()) {
      const there = this.#waiting.filter(({ kind }) => kind.key === key).length
      if (there < count) return kinds.get(key)
    }
    return undefined
  }

  #wanted(): Map<string, number> {
    const standing = this.#standing().key
    const demands = [...this.#kinds()].map(
      ([key]): Demand => ({ key, standing: key === standing, at: this.#asked.get(key)?.at ?? [] }),
    )
    return wanted(demands, this.#engine.clock.monotonic(), this.#options)
  }

  /** Those that can be made of the image as it is now. */
  #kinds(): Map<string, Kind> {
    const asked = [...this.#asked.values()].map(({ kind }) => kind)
    return new Map([this.#standing(), ...asked].map((kind) => [kind.key, kind]))
  }

  #standing(): Kind {
    return kindOf(this.#engine.image, this.#options.limits)
  }

  #note(kind: Kind, byName: boolean): void {
    const { at } = this.#asked.get(kind.key) ?? { at: [] }
    // More than the ceiling would make no difference.
    const latest = [...at, this.#engine.clock.monotonic()].slice(-Math.max(2, this.#options.ceiling))
    this.#asked.set(kind.key, { kind, byName, at: latest })
  }

  /** For what was asked for too long ago, or of an image that is the current one no more. */
  #forgetOldDemand(): void {
    const now = this.#engine.clock.monotonic()
    for (const [key, { kind, byName, at }] of this.#asked) {
      const isOld = now - (at.at(-1) ?? Number.NEGATIVE_INFINITY) >= IDLE_MS
      if (isOld || (!byName && kind.image.id !== this.#engine.image.id)) this.#asked.delete(key)
    }
  }

  /** The oldest, which is the surest to have settled down. */
  #take({ key }: Kind): Waiting | undefined {
    const index = this.#waiting.findIndex(({ kind }) => kind.key === key)
    return index < 0 ? undefined : this.#waiting.splice(index, 1)[0]
  }

  #begin(work: Promise<void>): void {
    const task: Promise<void> = work
      .catch((error: unknown) => {
        this.#engine.log.warn('warm.not-tidied', { error: toSpecfleetError(error) })
      })
      .finally(() => this.#tasks.delete(task))
    this.#tasks.add(task)
  }
}
