import type { Demand, OrchestratorId, PlacedRun, RunId } from '@specfleet/shared'
import { isOwned, isPlaced } from '@specfleet/shared'
import { Room } from '../engines/room.ts'
import type { Sandbox } from '../providers/provider.ts'
import type {
  Action,
  ActiveRun,
  ClaimedRun,
  Evidence,
  Order,
  QueuedRun,
  RunningRun,
  WaitingRun,
  World,
} from './world.ts'

/** What to do now, and when to look again if nothing happens before. */
export type Plan = { readonly actions: readonly Action[]; readonly lookAgainInMs: number | undefined }

/**
 * Compares what should run with what does run. Pure. Start, restart, adoption, crash,
 * draining and clean-up are all this one comparison.
 *
 * 1. At most one action for a run and its sandboxes, and none while one is at work there.
 * 2. Only an owner acts on a run; anybody else may only become its owner. The actions that
 *    change owners are decided by compare-and-set, so that of many who try one succeeds.
 * 3. What we cannot see is not dead: without a listing of the engine nothing is concluded
 *    from a sandbox's absence, and a state `unknown` concludes nothing at all.
 * 4. Who has folded less of the log than a record's writer does not judge that record.
 * 5. What a record condemns is ended, whoever owns it by now: its account may be revoked at any moment.
 * 6. A sandbox is an orphan only by its labels and a record that has moved on without it.
 * 7. Nothing begins without a place on an engine that it may have. Who finds none waits, costs nobody a slot and
 *    holds up nobody behind it who may go elsewhere.
 */
export function reconcile(world: World): Plan {
  const pass = new Pass(world)
  for (const run of world.runs) if (!world.busy.has(run.runId)) pass.run(run)
  pass.recall()
  pass.takeDue()
  pass.startNext()
  for (const { engine, sandboxes } of world.engines.values())
    for (const sandbox of sandboxes?.values() ?? []) pass.orphan(sandbox, engine)
  return pass.plan()
}

class Pass {
  readonly #world: World
  readonly #actions: Action[] = []
  readonly #acted = new Set<RunId>()
  readonly #due: WaitingRun[] = []
  readonly #room: Room
  readonly #byId: ReadonlyMap<RunId, ActiveRun>
  #again = Number.POSITIVE_INFINITY
  #free: number

  constructor(world: World) {
    this.#world = world
    this.#free = world.draining ? 0 : world.free
    this.#room = new Room([...world.engines.values()])
    this.#byId = new Map(world.runs.map((run) => [run.runId, run]))
  }

  /** To end what never began takes an owner, but no slot. */
  recall(): void {
    if (this.#world.draining) return
    for (const run of this.#world.recalled)
      if (!this.#isTaken(run.runId)) this.#do({ kind: 'start', run, engine: undefined }, run.runId)
  }

  /** Behind those that had a slot before. */
  startNext(): void {
    for (const run of this.#world.queued) {
      const engine = this.#isTaken(run.runId) ? undefined : this.#takeSlot(run)
      if (engine !== undefined) this.#do({ kind: 'start', run, engine }, run.runId)
    }
  }

  #isTaken(runId: RunId): boolean {
    return this.#world.busy.has(runId) || this.#acted.has(runId)
  }

  /** Those that wait longest come first, as far as there are slots. */
  takeDue(): void {
    this.#due.sort((a, b) => (a.until ?? '').localeCompare(b.until ?? ''))
    for (const run of this.#due) {
      const engine = this.#takeSlot(run)
      if (engine !== undefined) this.#do({ kind: 'take', run, engine }, run.runId)
    }
  }

  plan(): Plan {
    return { actions: this.#actions, lookAgainInMs: Number.isFinite(this.#again) ? this.#again : undefined }
  }

  run(run: ActiveRun): void {
    const action = this.#actionFor(run)
    if (action !== undefined) this.#do(action, run.runId)
  }

  #actionFor(run: ActiveRun): Action | undefined {
    if (isOwned(run)) return run.owner === this.#world.me ? this.#mine(run) : this.#anothers(run, run.owner)
    const demand = this.#world.demand(run)
    if (demand === undefined || this.#world.draining) return undefined
    if (run.state === 'waiting') return this.#waiting(run, demand)
    return demand.kind === 'parked' ? undefined : { kind: 'unpark', run }
  }

  #mine(run: ClaimedRun | PlacedRun): Action | undefined {
    if (run.state === 'claimed') return this.#claimed(run)
    const evidence = this.#deathOf(run)
    if (evidence !== undefined) return { kind: 'bury', run, evidence }
    if (run.state === 'running') return this.#stopIfUnwanted(run)
    const { engine, sandboxId } = run.placement
    const sandbox = this.#world.engines.get(engine)?.sandboxes?.get(sandboxId)
    return sandbox?.state.kind === 'running' ? { kind: 'confirm', run } : undefined
  }

  /** It has a slot already. One whose engine has fallen sick since, and that has no other, gives the slot back. */
  #claimed(run: ClaimedRun): Action {
    if (this.#world.draining) return { kind: 'release', run }
    if (!this.#needsPlace(run)) return { kind: 'advance', run, engine: undefined }
    const engine = this.#world.seats.get(run.runId) ?? this.#room.take(this.#world.wish(run))
    return engine === undefined ? { kind: 'release', run } : { kind: 'advance', run, engine }
  }

  /** What is only to be ended, held or parked needs none. */
  #needsPlace(run: ActiveRun): boolean {
    const demand = this.#world.demand(run)
    return demand === undefined || demand.kind === 'work'
  }

  #deathOf(run: PlacedRun): Evidence | undefined {
    const { placement, condemned } = run
    if (condemned !== undefined)
      return condemned.asked ? { kind: 'overdue' } : { kind: 'condemned', cause: condemned.cause }
    // Whose engine nobody who lives reaches: it is cut off by the fence, wherever it may be.
    const engine = this.#world.engines.get(placement.engine)
    if (engine === undefined) return { kind: 'condemned', cause: { kind: 'owner-lost' } }
    const sandbox = engine.sandboxes?.get(placement.sandboxId)
    if (sandbox?.state.kind === 'exited') return { kind: 'exited' }
    if (sandbox === undefined && engine.sandboxes !== undefined)
      return run.state === 'starting' ? { kind: 'condemned', cause: { kind: 'owner-lost' } } : { kind: 'vanished' }
    if (this.#world.flooding.has(placement.sandboxId)) return { kind: 'condemned', cause: { kind: 'flood' } }
    const silentMs = this.#world.lateMs(placement.sandboxId)
    if (silentMs !== undefined) return { kind: 'condemned', cause: { kind: 'lost-heartbeat', silentMs } }
    return undefined
  }

  #stopIfUnwanted(run: RunningRun): Action | undefined {
    const command = this.#unwanted(run)
    if (command === undefined) return undefined
    const asked = this.#world.asked.get(run.placement.sandboxId)
    if (asked === undefined || (asked.command === 'pause' && command === 'cancel')) return { kind: 'ask', run, command }
    return this.#isTime(asked.at + this.#graceMs(run))
      ? { kind: 'bury', run, evidence: { kind: 'overdue' } }
      : undefined
  }

  /** Who is to pause may be in the middle of a model call, which would be paid again if it were cut off. */
  #graceMs(run: RunningRun): number {
    const { stopGraceMs, pauseGraceMs, draining } = this.#world
    const demand = this.#world.demand(run)
    return demand?.kind === 'hold' && demand.why === 'paused' && !draining ? pauseGraceMs : stopGraceMs
  }

  #unwanted(run: RunningRun): Order | undefined {
    const demand = this.#world.demand(run)
    if (demand === undefined) return undefined
    switch (demand.kind) {
      case 'end':
        return demand.outcome === 'cancelled' ? 'cancel' : 'nothing'
      case 'hold':
        return demand.why === 'paused' ? 'pause' : 'nothing'
      case 'parked':
        return 'drain'
      case 'work':
        // On a plan that was dropped it stops as for a pause, and the next epoch goes on.
        return demand.stale ? 'pause' : this.#world.draining ? 'drain' : undefined
    }
  }

  #anothers(run: ClaimedRun | PlacedRun, from: OrchestratorId): Action | undefined {
    const deadForMs = this.#world.deadForMs(from)
    if (deadForMs === undefined || this.#world.draining) return undefined
    if (run.state === 'claimed') {
      if (!this.#needsPlace(run)) return { kind: 'adopt', run, from, engine: undefined }
      const engine = this.#takeSlot(run)
      return engine === undefined ? undefined : { kind: 'adopt', run, from, engine }
    }
    const mayAdopt =
      this.#world.engines.has(run.placement.engine) ||
      this.#isTime(this.#world.now + this.#world.adoptionGraceMs - deadForMs)
    return mayAdopt ? { kind: 'adopt', run, from, engine: undefined } : undefined
  }

  #waiting(run: WaitingRun, demand: Demand): Action | undefined {
    if (demand.kind === 'hold') return undefined
    // To end or to park it takes an owner, but no slot.
    if (demand.kind !== 'work') return { kind: 'take', run, engine: undefined }
    if (run.until === null || this.#isTime(this.#world.dueAt({ ...run, until: run.until }))) this.#due.push(run)
    return undefined
  }

  orphan(sandbox: Sandbox, engine: string): void {
    const { runId, epoch } = sandbox.labels
    if (this.#world.busy.has(runId) || this.#acted.has(runId)) return
    const run = this.#byId.get(runId)
    if (run !== undefined && isPlaced(run) && run.placement.sandboxId === sandbox.id) return
    const known = run?.epoch ?? this.#world.settledEpoch(runId)
    // A record that is ahead of ours is on its way, or lost: then only time may end its sandbox.
    const mayBeOwned = known === undefined || epoch > known
    if (!mayBeOwned || this.#isTime(this.#world.expiresAt(sandbox)))
      this.#do({ kind: 'destroy', sandbox, engine }, runId)
  }

  #do(action: Action, runId: RunId): void {
    this.#actions.push(action)
    this.#acted.add(runId)
  }

  /** A slot, and a place on the first engine that the run may have; `undefined` where one of them is not to be had. */
  #takeSlot(run: ActiveRun | QueuedRun): string | undefined {
    if (this.#free <= 0) return undefined
    const engine = this.#room.take(this.#world.wish(run))
    if (engine !== undefined) this.#free -= 1
    return engine
  }

  /** Whether that time has come; if not, there is a reason to look again when it has. */
  #isTime(at: number): boolean {
    const left = at - this.#world.now
    if (left > 0) this.#again = Math.min(this.#again, left)
    return left <= 0
  }
}
