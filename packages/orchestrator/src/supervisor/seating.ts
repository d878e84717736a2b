import { isOwned, isPlaced, type RunId } from '@specfleet/shared'
import { wishOf } from '../engines/policy.ts'
import { freePlaces, Room, suits, type Taken, type Wish } from '../engines/room.ts'
import type { Choice } from './backlog.ts'
import type { Crew, SupervisorOptions } from './crew.ts'
import type { ActiveRun, EngineView, QueuedRun } from './world.ts'

/**
 * Which places of our engines are taken. A run with a sandbox says so by its record; one on its way there has a
 * seat, which is remembered here only: whoever comes after us gives it another.
 */
export class Seating {
  readonly #crew: Pick<Crew, 'engines' | 'table' | 'log'>
  readonly #options: Pick<SupervisorOptions, 'me' | 'policy'>
  readonly #seats = new Map<RunId, string>()

  constructor(crew: Pick<Crew, 'engines' | 'table' | 'log'>, options: Pick<SupervisorOptions, 'me' | 'policy'>) {
    this.#crew = crew
    this.#options = options
  }

  get seats(): ReadonlyMap<RunId, string> {
    return this.#seats
  }

  readonly wish = (run: ActiveRun | QueuedRun): Wish => wishOf(this.#options.policy, 'task' in run ? run.task : run)

  give(runId: RunId, engine: string): void {
    this.#seats.set(runId, engine)
  }

  /** The engines as they are now, first those that are to be used first. */
  look(busy: ReadonlySet<RunId>): Map<string, EngineView> {
    this.#forgetTheSeated(busy)
    const taken = this.#taken()
    return new Map(
      this.#crew.engines.all.map((site) => {
        const { engine, slots, admission, sandboxes } = site
        const { name: provider, images } = site.provider
        const free = freePlaces(slots, admission, taken.get(engine) ?? NONE)
        return [engine, { engine, provider, images, free, sandboxes: sandboxes.sandboxes() }]
      }),
    )
  }

  /** Of those that are wanted, who could get a place; each that is chosen takes its own. */
  choice(
    engines: ReadonlyMap<string, EngineView>,
    inHand: ReadonlySet<RunId>,
    isWanted: (run: QueuedRun) => boolean,
  ): Choice {
    const room = new Room([...engines.values()])
    // Places only become fewer while runs are chosen: for what there is none, nobody else is asked.
    const none = new Set<string>()
    const hasPlace = (wish: Wish): boolean => {
      const key = JSON.stringify([wish.provider, wish.image])
      if (!none.has(key) && !room.has(wish)) none.add(key)
      return !none.has(key)
    }
    return {
      inHand,
      mayStart: (run) => hasPlace(this.wish(run)) && isWanted(run),
      onChosen: (run) => void room.take(this.wish(run)),
    }
  }

  /** Runs of another time may ask for what no engine here offers any more: they wait for one that does. */
  warnOfUnseatable(): void {
    const { engines, table, log } = this.#crew
    for (const run of [...table.backlog.all(), ...table.active()]) {
      const wish = this.wish(run)
      if (!engines.offers.some((offer) => suits(offer, wish))) log.warn('run.no-engine', { runId: run.runId, ...wish })
    }
  }

  /** A seat lasts until its run has a sandbox, or moves on, or the engine has none for it any more. */
  #forgetTheSeated(busy: ReadonlySet<RunId>): void {
    for (const [runId, engine] of this.#seats) {
      const run = this.#crew.table.get(runId)
      const waits = run?.state === 'claimed' && run.owner === this.#options.me
      const mayCome = this.#crew.engines.at(engine)?.admission !== 'none'
      if (isSeated(run) || !(busy.has(runId) || (waits && mayCome))) this.#seats.delete(runId)
    }
  }

  #taken(): Map<string, Taken> {
    const taken = new Map<string, Taken>()
    const take = (engine: string, pending: number) => {
      const before = taken.get(engine) ?? NONE
      taken.set(engine, { held: before.held + 1, pending: before.pending + pending })
    }
    for (const run of this.#crew.table.active())
      if (isOwned(run) && run.owner === this.#options.me && isPlaced(run))
        take(run.placement.engine, run.state === 'starting' ? 1 : 0)
    for (const engine of this.#seats.values()) take(engine, 1)
    return taken
  }
}

const NONE: Taken = { held: 0, pending: 0 }

const isSeated = (run: ActiveRun | undefined): boolean => run !== undefined && isPlaced(run)
