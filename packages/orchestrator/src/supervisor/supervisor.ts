import type { PlacedRun, RunId, SandboxId } from '@specfleet/shared'
import { Epoch, isOwned, isPlaced, RunId as RunIdSchema, sandboxIdOf } from '@specfleet/shared'
import { pause } from '../clock.ts'
import { Emitter } from '../emitter.ts'
import { longestMinutes } from '../engines/policy.ts'
import { act } from './actions.ts'
import type { BeatListener } from './beat-listener.ts'
import type { Crew, SupervisorOptions } from './crew.ts'
import { Deadlines } from './deadlines.ts'
import { Demands } from './demands.ts'
import type { Deafness } from './hearing.ts'
import type { Peers } from './liveness.ts'
import { Pace } from './pace.ts'
import { Recalls } from './recalls.ts'
import { reconcile } from './reconcile.ts'
import { Seating } from './seating.ts'
import type { Slots } from './slots.ts'
import { credentialLifeMs } from './spawn.ts'
import type { Action, ActiveRun, Asked, QueuedRun, World } from './world.ts'

/** After an action that failed, its run is left alone for so long. */
const COOL_DOWN_MS = 1_000
/** Queued runs that one comparison starts; the next one follows at the latest when one of them has started. */
const MOST_STARTS = 64

type Companions = { readonly peers: Peers; readonly slots: Slots; readonly beats: BeatListener }

/**
 * The loop that makes what runs be what should run.
 *
 * 1. It holds nothing that matters: records, log and engine say everything, and a new
 *    process comes to the same decisions.
 * 2. It wakes by events (a record, a fact that asks something else of a run, an exit, a
 *    verdict on a peer), or at the time that the last comparison named. It never polls; however
 *    many events come, its share of the time is bounded.
 * 3. At most one action at a time is at work on a run.
 * 4. While the bus is away it does nothing: no decision could be written down.
 * 5. An action that fails changes no plan: the next comparison finds what is left to do.
 */
export class Supervisor implements AsyncDisposable {
  readonly #crew: Crew
  readonly #with: Companions
  readonly #options: SupervisorOptions
  readonly #stop = new AbortController()
  /** Who is to end at once is not asked any more. */
  readonly #force = new AbortController()
  readonly #listeners = new DisposableStack()
  readonly #busy = new Map<RunId, Promise<void>>()
  readonly #asked = new Map<SandboxId, Asked>()
  readonly #flooding = new Set<SandboxId>()
  readonly #waits: Deadlines<RunId>
  readonly #expiries: Deadlines<SandboxId>
  readonly #seating: Seating
  readonly #demands: Demands
  readonly #recalls: Recalls
  readonly #compared = new Emitter<void>()
  #phase: 'working' | 'draining' | 'forced' = 'working'
  #online = true
  readonly #pace: Pace
  #timer: Disposable | undefined

  constructor(crew: Crew, companions: Companions, options: SupervisorOptions) {
    this.#crew = crew
    this.#with = companions
    this.#options = options
    this.#waits = new Deadlines(crew, { mostMs: options.backoff.longestMs })
    const wallClockMinutes = longestMinutes(options.policy, options.limits)
    this.#expiries = new Deadlines(crew, { mostMs: credentialLifeMs({ wallClockMinutes }) })
    this.#seating = new Seating(crew, options)
    this.#demands = new Demands(crew.ledger)
    this.#recalls = new Recalls(crew.table.backlog, this.#demands)
    this.#pace = new Pace(crew, () => this.#compare())
  }

  /** Everything it compares must be known by now: records, log, engine, peers. */
  start(): void {
    const { table, engines, ledger } = this.#crew
    for (const { runId } of table.backlog.all()) this.#recalls.lookAt(runId)
    this.#seating.warnOfUnseatable()
    this.#listeners.use(
      table.changes.on((runId) => {
        this.#recalls.lookAt(runId)
        this.wake()
      }),
    )
    this.#listeners.use(engines.changes.on(() => this.wake()))
    this.#listeners.use(this.#with.peers.changes.on(() => this.wake()))
    this.#listeners.use(this.#with.slots.released.on(() => this.wake()))
    this.#listeners.use(
      ledger.onChange(({ floods, specs, foldedTo }) => {
        for (const flood of floods) this.#noteFlood(flood)
        const queued = [...specs].flatMap((specId) => table.backlog.ofSpec(specId))
        for (const { runId } of queued) this.#recalls.lookAt(runId)
        if (floods.length > 0 || queued.length > 0 || this.#demands.haveChanged({ specs, foldedTo })) this.wake()
      }),
    )
    this.wake()
  }

  /** Compare again soon; many calls in a row are one. */
  wake(): void {
    this.#pace.ask()
  }

  /** The bus is away: nobody can be judged and nothing written. */
  deafen(): void {
    this.#online = false
    this.#crew.heartbeats.deafen()
  }

  listen(after: Deafness): void {
    this.#online = true
    this.#crew.heartbeats.listen(after)
    this.wake()
  }

  /** Takes nothing on any more and asks every worker to come to a good end. Resolves when nothing is left. */
  async drain(signal: AbortSignal): Promise<void> {
    if (this.#phase === 'working') this.#phase = 'draining'
    this.#crew.starts.close()
    await this.#untilNothingIsOwned(signal)
  }

  /** Ends every sandbox of ours now; what they had acknowledged is kept. */
  async force(signal: AbortSignal): Promise<void> {
    this.#phase = 'forced'
    this.#crew.starts.close()
    this.#force.abort(new Error('the supervisor was forced'))
    for (const run of this.#placed()) this.#asked.set(run.placement.sandboxId, { at: 0, command: 'cancel' })
    await this.#untilNothingIsOwned(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners[Symbol.dispose]()
    this.#timer?.[Symbol.dispose]()
    this.#pace[Symbol.dispose]()
    this.#online = false
    this.#stop.abort(new Error('the supervisor stops'))
    await Promise.allSettled(this.#busy.values())
    this.#with.beats[Symbol.dispose]()
  }

  #compare(): void {
    if (!this.#online || this.#stop.signal.aborted) return
    const { clock, heartbeats, log } = this.#crew
    const startedAt = clock.monotonic()
    this.#demands.begin()
    this.#with.beats.listenTo(this.#placed())
    this.#crew.uptimes.follow(this.#placed())
    this.#forgetTheGone()
    const { actions, lookAgainInMs } = reconcile(this.#world())
    for (const action of actions) this.#begin(action)
    this.#timer?.[Symbol.dispose]()
    const next = Math.min(lookAgainInMs ?? Infinity, heartbeats.nextInMs() ?? Infinity)
    this.#timer = Number.isFinite(next) ? clock.after(next, () => this.wake()) : undefined
    this.#compared.emit()
    log.debug('runs.compared', { actions: actions.length, ms: clock.monotonic() - startedAt })
  }

  #world(): World {
    const { table, heartbeats, clock } = this.#crew
    const { peers, slots } = this.#with
    const { me, stopGraceMs, pauseGraceMs, adoptionGraceMs } = this.#options
    const busy = new Set(this.#busy.keys())
    const engines = this.#seating.look(busy)
    const places = [...engines.values()].reduce((sum, { free }) => sum + free, 0)
    const most = Math.min(slots.free, places, MOST_STARTS)
    const isWanted = (run: QueuedRun) => this.#demands.now(run).kind === 'work'
    return {
      me,
      engines,
      seats: this.#seating.seats,
      wish: this.#seating.wish,
      now: clock.monotonic(),
      draining: this.#phase !== 'working',
      free: slots.free,
      stopGraceMs: this.#phase === 'forced' ? 0 : stopGraceMs,
      pauseGraceMs,
      adoptionGraceMs,
      runs: table.active(),
      queued: table.backlog.next(most, this.#seating.choice(engines, busy, isWanted)),
      recalled: this.#recalls.runs(),
      settledEpoch: (runId) => table.settledEpoch(runId),
      busy,
      deadForMs: (owner) => peers.deadForMs(owner),
      lateMs: (id) => heartbeats.late(id),
      flooding: this.#flooding,
      asked: this.#asked,
      dueAt: ({ runId, until }) => this.#waits.at(runId, until),
      expiresAt: ({ id, labels }) => this.#expiries.at(id, labels.expiresAt),
      demand: (run) => this.#demands.of(run),
    }
  }

  #begin(action: Action): void {
    const runId = action.kind === 'destroy' ? action.sandbox.labels.runId : action.run.runId
    const takesSlot =
      action.kind === 'start' || action.kind === 'take' || (action.kind === 'adopt' && action.run.state === 'claimed')
    if ('engine' in action && action.kind !== 'destroy' && action.engine !== undefined)
      this.#seating.give(runId, action.engine)
    const slot = takesSlot ? this.#with.slots.reserve() : undefined
    if (action.kind === 'ask') this.#note(action)
    const work = this.#carryOut(action, runId).finally(() => {
      this.#busy.delete(runId)
      slot?.[Symbol.dispose]()
      this.wake()
    })
    this.#busy.set(runId, work)
  }

  /** Never rejects: a failure is told to the log and cools down. */
  async #carryOut(action: Action, runId: RunId): Promise<void> {
    const signal = this.#stop.signal
    const patience = action.kind === 'ask' ? AbortSignal.any([signal, this.#force.signal]) : signal
    try {
      await act(this.#crew, this.#options, action, patience)
    } catch (error) {
      if (signal.aborted) return
      this.#crew.log.warn('action.failed', { action: action.kind, runId, error })
      await pause(this.#crew.clock, COOL_DOWN_MS, signal)
    }
  }

  #placed(): PlacedRun[] {
    return this.#owned().filter(isPlaced)
  }

  #owned(): Extract<ActiveRun, { owner: unknown }>[] {
    return this.#crew.table
      .active()
      .filter(isOwned)
      .filter((run) => run.owner === this.#options.me)
  }

  #noteFlood({ runId, epoch }: { runId: string; epoch: number }): void {
    const run = RunIdSchema.safeParse(runId)
    const count = Epoch.safeParse(epoch)
    if (run.success && count.success) this.#flooding.add(sandboxIdOf(run.data, count.data))
  }

  #note({ run, command }: Extract<Action, { kind: 'ask' }>): void {
    this.#asked.set(run.placement.sandboxId, { at: this.#crew.clock.monotonic(), command })
  }

  /** What was noted of a sandbox goes with its placement. */
  #forgetTheGone(): void {
    const { table, engines } = this.#crew
    const active = table.active()
    this.#waits.keep(new Set(active.flatMap((run) => (run.state === 'waiting' ? [run.runId] : []))))
    this.#expiries.keep(new Set(engines.all.flatMap((site) => [...(site.sandboxes.sandboxes()?.keys() ?? [])])))
    if (this.#asked.size === 0 && this.#flooding.size === 0) return
    const placed = new Set(active.filter(isPlaced).map((run) => run.placement.sandboxId))
    for (const id of this.#asked.keys()) if (!placed.has(id)) this.#asked.delete(id)
    for (const id of this.#flooding) if (!placed.has(id)) this.#flooding.delete(id)
  }

  async #untilNothingIsOwned(signal: AbortSignal): Promise<void> {
    const nothing = Promise.withResolvers<void>()
    const stop = () => nothing.reject(signal.reason)
    using _listener = this.#compared.on(() => {
      if (this.#owned().length === 0 && this.#busy.size === 0) nothing.resolve()
    })
    signal.addEventListener('abort', stop, { once: true })
    try {
      signal.throwIfAborted()
      this.wake()
      await nothing.promise
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }
}
