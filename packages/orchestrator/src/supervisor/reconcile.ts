import type { Demand, OrchestratorId, PlacedRun, RunId } from '@specfleet/shared'
import { isOwned } from '@specfleet/shared'
import type { Sandbox } from '../providers/provider.ts'
import type { Action, ActiveRun, ClaimedRun, Evidence, ParkedRun, RunningRun, WaitingRun, World } from './world.ts'

/** What to do now, and when to look again if nothing happens before. */
export type Plan = { readonly actions: readonly Action[]; readonly lookAgainInMs: number | undefined }

/**
 * Compares what should run with what does run. Pure. Start, restart, adoption, crash,
 * draining and clean-up are all this one comparison.
 *
 * 1. At most one action for a run, and none for a run that is busy.
 * 2. Only an owner acts on a run; anybody else may only become its owner. The actions that
 *    change owners are decided by compare-and-set, so that of many who try one succeeds.
 * 3. What we cannot see is not dead: without a listing of the engine nothing is concluded
 *    from a sandbox's absence, and a state `unknown` concludes nothing at all.
 * 4. Who has folded less of the log than a record's writer does not judge that record.
 * 5. A sandbox is an orphan only by its labels and a record that has moved on without it.
 */
export function reconcile(world: World): Plan {
  const pass = new Pass(world)
  for (const run of world.runs) if (!world.busy.has(run.runId)) pass.run(run)
  for (const sandbox of world.sandboxes?.values() ?? []) pass.orphan(sandbox)
  return pass.plan()
}

class Pass {
  readonly #world: World
  readonly #actions: Action[] = []
  readonly #due: WaitingRun[] = []
  readonly #byId: ReadonlyMap<RunId, ActiveRun>
  #again = Number.POSITIVE_INFINITY
  #free: number

  constructor(world: World) {
    this.#world = world
    this.#free = world.draining ? 0 : world.free
    this.#byId = new Map(world.runs.map((run) => [run.runId, run]))
  }

  plan(): Plan {
    this.#due.sort((a, b) => (a.until ?? '').localeCompare(b.until ?? ''))
    for (const run of this.#due) if (this.#free-- > 0) this.#do({ kind: 'take', run })
    return { actions: this.#actions, lookAgainInMs: Number.isFinite(this.#again) ? this.#again : undefined }
  }

  run(run: ActiveRun): void {
    if (isOwned(run)) return run.owner === this.#world.me ? this.#mine(run) : this.#anothers(run, run.owner)
    const demand = this.#world.demand(run)
    if (demand === undefined) return
    return run.state === 'parked' ? this.#parked(run, demand) : this.#waiting(run, demand)
  }

  #mine(run: ClaimedRun | PlacedRun): void {
    if (run.state === 'claimed') return this.#do({ kind: this.#world.draining ? 'release' : 'advance', run })
    const evidence = this.#deathOf(run)
    if (evidence !== undefined) return this.#do({ kind: 'bury', run, evidence })
    const sandbox = this.#world.sandboxes?.get(run.placement.sandboxId)
    if (run.state === 'starting') {
      if (sandbox?.state.kind === 'running') this.#do({ kind: 'confirm', run })
      return
    }
    this.#stopIfUnwanted(run)
  }

  #deathOf(run: PlacedRun): Evidence | undefined {
    const { placement } = run
    // Whose engine nobody who lives reaches: it is cut off by the fence, wherever it may be.
    if (placement.engine !== this.#world.engine) return { kind: 'condemned', cause: { kind: 'owner-lost' } }
    const sandbox = this.#world.sandboxes?.get(placement.sandboxId)
    if (sandbox?.state.kind === 'exited') return { kind: 'exited' }
    if (sandbox === undefined && this.#world.sandboxes !== undefined)
      return run.state === 'starting' ? { kind: 'condemned', cause: { kind: 'owner-lost' } } : { kind: 'vanished' }
    if (this.#world.flooding.has(placement.sandboxId)) return { kind: 'condemned', cause: { kind: 'flood' } }
    const silentMs = this.#world.lateMs(placement.sandboxId)
    if (silentMs !== undefined) return { kind: 'condemned', cause: { kind: 'lost-heartbeat', silentMs } }
    return undefined
  }

  #stopIfUnwanted(run: RunningRun): void {
    const command = this.#unwanted(run)
    if (command === undefined) return
    const askedAt = this.#world.askedAt.get(run.placement.sandboxId)
    if (askedAt === undefined) return this.#do({ kind: 'ask', run, command })
    const left = askedAt + this.#world.stopGraceMs - this.#world.now
    if (left <= 0) this.#do({ kind: 'bury', run, evidence: { kind: 'overdue' } })
    else this.#lookAgain(left)
  }

  /** How a running worker learns that it is to end; `nothing` where it knows by itself. */
  #unwanted(run: RunningRun): 'cancel' | 'pause' | 'drain' | 'nothing' | undefined {
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

  #anothers(run: ClaimedRun | PlacedRun, from: OrchestratorId): void {
    const deadForMs = this.#world.deadForMs(from)
    if (deadForMs === undefined || this.#world.draining) return
    if (run.state === 'claimed') {
      if (this.#free-- > 0) this.#do({ kind: 'adopt', run, from })
      return
    }
    const left = this.#world.adoptionGraceMs - deadForMs
    if (run.placement.engine === this.#world.engine || left <= 0) this.#do({ kind: 'adopt', run, from })
    else this.#lookAgain(left)
  }

  #waiting(run: WaitingRun, demand: Demand): void {
    if (this.#world.draining || demand.kind === 'hold') return
    // To end or to park it takes an owner, but no slot.
    if (demand.kind !== 'work') return this.#do({ kind: 'take', run })
    const left = run.until === null ? 0 : Date.parse(run.until) - this.#world.now
    if (left <= 0) this.#due.push(run)
    else this.#lookAgain(left)
  }

  #parked(run: ParkedRun, demand: Demand): void {
    if (demand.kind !== 'parked' && !this.#world.draining) this.#do({ kind: 'unpark', run })
  }

  orphan(sandbox: Sandbox): void {
    const { runId, epoch, expiresAt } = sandbox.labels
    if (this.#world.busy.has(runId)) return
    const run = this.#byId.get(runId)
    if (run !== undefined && 'placement' in run && run.placement.sandboxId === sandbox.id) return
    const left = Date.parse(expiresAt) - this.#world.now
    const known = run?.epoch ?? this.#world.settledEpoch(runId)
    // The record that made it is behind us on its way, or lost: only time may end it.
    const mayStillBeWritten = known === undefined || epoch > known
    if (!mayStillBeWritten || left <= 0) this.#do({ kind: 'destroy', sandbox })
    else this.#lookAgain(left)
  }

  #do(action: Action): void {
    this.#actions.push(action)
  }

  #lookAgain(inMs: number): void {
    this.#again = Math.min(this.#again, inMs)
  }
}
