import type { Liveness, OrchestratorId, Records } from '@specfleet/shared'
import { LIVENESS_EVERY_MS, LIVENESS_LIMIT_MS } from '@specfleet/shared'
import { type Clock, every, pause } from '../clock.ts'
import { Emitter } from '../emitter.ts'
import { isProcessGone } from '../identity.ts'
import type { Log } from '../log.ts'

/** Without the bus nobody can be told that we leave. */
const GOODBYE_MS = 1_000

/** The dead are remembered for so long; who asks for one later starts its time of death anew. */
const FORGET_AFTER_MS = 3_600_000

/** What we last saw of an orchestrator. Times of our own monotonic clock, in milliseconds. */
export type Sighting = { readonly liveness: Liveness; readonly heardAt: number }

export type Observer = {
  readonly now: number
  /** Since when we can hear at all. */
  readonly hearingSince: number
  readonly host: string
  /** Of its own machine only. */
  readonly isProcessGone: (peer: Liveness) => boolean
}

/**
 * Whether an orchestrator is dead. Pure.
 *
 * 1. Silence counts by our own clock only, and never while we could not hear.
 * 2. On our own machine its process is asked for, so that its death is known at once.
 * 3. One of whom there is no key at all has been silent for longer than keys live.
 */
export function isDead(sighting: Sighting | undefined, observer: Observer): boolean {
  if (sighting !== undefined && sighting.liveness.host === observer.host && observer.isProcessGone(sighting.liveness))
    return true
  const since = Math.max(sighting?.heardAt ?? Number.NEGATIVE_INFINITY, observer.hearingSince)
  return observer.now - since >= LIVENESS_LIMIT_MS
}

type Collaborators = {
  readonly records: Pick<Records<Liveness>, 'put' | 'delete' | 'watch'>
  readonly clock: Clock
  readonly log: Log
}

/** Says every second that we are here, and notices who is not. */
export class Peers implements AsyncDisposable {
  readonly changes = new Emitter<void>()
  readonly #with: Collaborators
  readonly #describe: () => Liveness
  readonly #me: OrchestratorId
  readonly #host: string
  readonly #sightings = new Map<OrchestratorId, Sighting>()
  /** Whose process on our own machine is gone. */
  readonly #processGone = new Set<OrchestratorId>()
  readonly #deadSince = new Map<OrchestratorId, number>()
  /** Whose death listeners were told of: by then somebody else may have asked, and found it out first. */
  readonly #toldDead = new Set<OrchestratorId>()
  /** Asked for, never seen, and not dead yet only because we have not listened for long enough. */
  readonly #unseen = new Set<OrchestratorId>()
  /** Settles when the orchestrators can no longer be followed. */
  readonly failed: Promise<Error>
  readonly #fail: (error: Error) => void
  readonly #stop = new AbortController()
  #hearingSince: number | undefined
  #writing: Promise<void> | undefined
  #ticks: Disposable | undefined
  #watching: Promise<void> = Promise.resolve()

  /** @param describe what our own key says now */
  constructor(collaborators: Collaborators, describe: () => Liveness) {
    this.#with = collaborators
    const { promise, resolve } = Promise.withResolvers<Error>()
    this.failed = promise
    this.#fail = resolve
    this.#describe = describe
    const own = describe()
    this.#me = own.id
    this.#host = own.host
  }

  /** Resolves when our key is written and everybody else's is known. */
  async start(): Promise<void> {
    await this.#sayHere()
    await new Promise<void>((resolve, reject) => {
      this.#watching = this.#with.records.watch({
        signal: this.#stop.signal,
        onChange: ({ key, held }) => this.#saw(key, held?.value),
        onCaughtUp: resolve,
        onMalformed: (key, reason) => this.#with.log.warn('liveness.malformed', { key, reason }),
      })
      this.#watching.catch((error: unknown) => {
        reject(error)
        this.#fail(error instanceof Error ? error : new Error(String(error)))
      })
    })
    this.#hearingSince = this.#with.clock.monotonic()
    this.#lookForProcesses()
    this.#ticks = every(this.#with.clock, LIVENESS_EVERY_MS, () => this.#tick())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ticks?.[Symbol.dispose]()
    this.#stop.abort(new Error('liveness ends'))
    await Promise.allSettled([this.#watching, this.#writing])
    await this.#sayGone()
  }

  /** We hear nothing for reasons of our own; nobody becomes dead meanwhile. */
  deafen(): void {
    this.#hearingSince = undefined
  }

  listen(): void {
    this.#hearingSince ??= this.#with.clock.monotonic()
  }

  /** How long an orchestrator has been dead, in milliseconds; `undefined` while it lives. */
  deadForMs(id: OrchestratorId): number | undefined {
    if (id === this.#me || this.#hearingSince === undefined || !this.#isDead(id, this.#hearingSince)) {
      this.#deadSince.delete(id)
      if (id !== this.#me && !this.#sightings.has(id)) this.#unseen.add(id)
      return undefined
    }
    this.#unseen.delete(id)
    const now = this.#with.clock.monotonic()
    const since = this.#deadSince.get(id) ?? now
    this.#deadSince.set(id, since)
    return now - since
  }

  /** Everybody who lives, ourselves included, eldest first. */
  alive(): Liveness[] {
    const others = [...this.#sightings.values()].map(({ liveness }) => liveness).filter(({ id }) => id !== this.#me)
    const living = others.filter(({ id }) => this.deadForMs(id) === undefined)
    return [...living, this.#describe()].sort(byAge)
  }

  get isEldest(): boolean {
    return this.alive()[0]?.id === this.#me
  }

  #isDead(id: OrchestratorId, hearingSince: number): boolean {
    return isDead(this.#sightings.get(id), {
      now: this.#with.clock.monotonic(),
      hearingSince,
      host: this.#host,
      isProcessGone: ({ id: peer }) => this.#processGone.has(peer),
    })
  }

  #saw(key: string, liveness: Liveness | undefined): void {
    if (liveness !== undefined && liveness.id === key)
      this.#sightings.set(liveness.id, { liveness, heardAt: this.#with.clock.monotonic() })
    if (liveness !== undefined) return
    // It has left, or was silent for as long as keys live.
    for (const id of this.#sightings.keys()) if (id === key) this.#sightings.delete(id)
    this.changes.emit()
  }

  #tick(): void {
    if (this.#hearingSince === undefined) return
    this.#lookForProcesses()
    this.#writing ??= this.#sayHere()
      .catch((error: unknown) => this.#with.log.warn('liveness.not-written', { error }))
      .finally(() => {
        this.#writing = undefined
      })
    if (this.#verdictsChanged()) this.changes.emit()
  }

  /** Asked once a tick, not once a question: there may be many runs of one owner. */
  #lookForProcesses(): void {
    this.#processGone.clear()
    for (const { liveness } of this.#sightings.values())
      if (liveness.host === this.#host && isProcessGone(liveness)) this.#processGone.add(liveness.id)
  }

  #verdictsChanged(): boolean {
    const known = new Set([...this.#sightings.keys(), ...this.#deadSince.keys(), ...this.#unseen])
    let changed = false
    for (const id of known) {
      const deadForMs = this.deadForMs(id)
      if (this.#toldDead.has(id) !== (deadForMs !== undefined)) changed = true
      if (deadForMs === undefined) this.#toldDead.delete(id)
      else this.#toldDead.add(id)
      if (deadForMs === undefined || deadForMs <= FORGET_AFTER_MS || this.#sightings.has(id)) continue
      this.#deadSince.delete(id)
      this.#toldDead.delete(id)
    }
    return changed
  }

  /** Only a courtesy: silence says the same, a little later. */
  async #sayGone(): Promise<void> {
    const limit = new AbortController()
    const gone = this.#with.records.delete(this.#me).catch((error: unknown) => {
      this.#with.log.warn('liveness.not-deleted', { error })
    })
    await Promise.race([gone, pause(this.#with.clock, GOODBYE_MS, limit.signal)])
    limit.abort()
  }

  async #sayHere(): Promise<void> {
    await this.#with.records.put(this.#me, this.#describe())
  }
}

/** Eldest first; ids break a tie. */
const byAge = (a: Liveness, b: Liveness): number => a.startedAt.localeCompare(b.startedAt) || a.id.localeCompare(b.id)
