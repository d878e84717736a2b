import type { RunId } from '@specfleet/shared'
import type { Clock } from '../clock.ts'
import { Emitter } from '../emitter.ts'
import type { Log } from '../log.ts'
import type { SandboxProvider } from '../providers/provider.ts'
import {
  type Admission,
  admits,
  answered,
  type Breaker,
  type BreakerPolicy,
  begun,
  failed,
  faultOf,
  undecided,
  WELL,
  worked,
} from './breaker.ts'
import { SandboxTable } from './sandbox-table.ts'

export type SiteOptions = {
  /** Sandboxes of ours that it may have at a time. */
  readonly slots: number
  readonly breaker: BreakerPolicy
}

/** One sandbox is being made; disposal without a word says nothing of the engine. */
export type Making = Disposable & {
  worked(): void
  failed(code: string, message: string): void
}

type Collaborators = { readonly provider: SandboxProvider; readonly clock: Clock; readonly log: Log }

/**
 * One engine that we reach: what it has, how many more it may have, and whether it is well.
 *
 * 1. It is given no work while it cannot be listed, or rests after a failure of its own.
 * 2. Whoever waits for it is woken when it may be tried again.
 */
export class Site implements AsyncDisposable {
  readonly provider: SandboxProvider
  readonly sandboxes: SandboxTable
  readonly slots: number
  /** What it has, or whether it is well, may have changed. */
  readonly changes = new Emitter<void>()
  readonly #with: Collaborators
  readonly #policy: BreakerPolicy
  readonly #listening: Disposable
  #breaker: Breaker = WELL
  #rest: Disposable | undefined
  #wasReachable = true
  #toldSick: string | undefined

  constructor(collaborators: Collaborators, options: SiteOptions) {
    this.#with = collaborators
    this.#policy = options.breaker
    this.provider = collaborators.provider
    this.slots = options.slots
    this.sandboxes = new SandboxTable(collaborators)
    this.#listening = this.sandboxes.changes.on(() => this.#listed())
  }

  get engine(): string {
    return this.provider.engine
  }

  /** Resolves when the engine was listed once, or could not be. */
  start(): Promise<void> {
    return this.sandboxes.start()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listening[Symbol.dispose]()
    this.#rest?.[Symbol.dispose]()
    await this.sandboxes[Symbol.asyncDispose]()
  }

  get admission(): Admission {
    return this.sandboxes.unreachable === undefined ? admits(this.#breaker, this.#now()) : 'none'
  }

  /** Why it is given no work, or only one run to try; `undefined` while it is well. */
  get sick(): string | undefined {
    const unlisted = this.sandboxes.unreachable
    if (unlisted !== undefined) return unlisted
    return this.#breaker.kind === 'closed' ? undefined : this.#breaker.reason
  }

  /** A sandbox is to be made. `undefined` when none may be now. */
  begin(runId: RunId): Making | undefined {
    const breaker = this.admission === 'none' ? undefined : begun(this.#breaker, this.#now())
    if (breaker === undefined) return undefined
    const isTrial = breaker.kind === 'probing'
    this.#become(breaker)
    let over = false
    const end = (next: (breaker: Breaker) => Breaker): void => {
      if (over) return
      over = true
      // Begun before it fell sick: how it is now, the trial has to say.
      if (!isTrial && this.#breaker.kind === 'probing') return
      this.#become(next(this.#breaker))
    }
    return {
      worked: () => end(worked),
      failed: (code, message) => {
        const reason = `${code}: ${message}`
        end((breaker) => failed(breaker, { code, reason, runId }, this.#now(), this.#policy))
        if (faultOf(code) === 'gone') this.sandboxes.refresh()
      },
      [Symbol.dispose]: () => end((breaker) => (isTrial ? undecided(breaker, this.#now()) : breaker)),
    }
  }

  #now(): number {
    return this.#with.clock.monotonic()
  }

  #listed(): void {
    const reachable = this.sandboxes.unreachable === undefined
    const cameBack = reachable && !this.#wasReachable
    this.#wasReachable = reachable
    if (cameBack) this.#become(answered(this.#breaker, this.#now()))
    this.#tell()
    this.changes.emit()
  }

  #become(breaker: Breaker): void {
    if (breaker === this.#breaker) return
    this.#breaker = breaker
    this.#rest?.[Symbol.dispose]()
    this.#rest = undefined
    this.#tell()
    this.#emitAgainAt(breaker.kind === 'open' ? breaker.until : 0)
    this.changes.emit()
  }

  /** A timer may come a little early by the clock that rests are measured with. */
  #emitAgainAt(at: number): void {
    const leftMs = at - this.#now()
    if (leftMs <= 0) return
    this.#rest = this.#with.clock.after(Math.ceil(leftMs), () => {
      if (this.#now() < at) this.#emitAgainAt(at)
      else this.changes.emit()
    })
  }

  /** Once for each time that it falls sick or has another reason to be, and once when it is well. */
  #tell(): void {
    const { sick } = this
    if (sick === this.#toldSick) return
    this.#toldSick = sick
    const { name: provider, engine } = this.provider
    if (sick === undefined) this.#with.log.info('engine.well', { provider, engine })
    else this.#with.log.warn('engine.sick', { provider, engine, reason: sick })
  }
}
