import { ANY, type Point, type PointName, SIDES } from './points/point.ts'
import type { Trial } from './trial.ts'
import type { VictimName } from './world/victim.ts'
import { randomOf } from './world/work.ts'

export type PlanOptions = {
  readonly seed: number
  /** What an undisturbed run has shown, as the relay counts it. */
  readonly seen: ReadonlyMap<PointName, number>
  /** Those to choose from. */
  readonly victims: readonly VictimName[]
}

/** One place of the matrix. */
type Cell = { readonly name: PointName; readonly side: Point['side']; readonly victim: VictimName }

/** Those that live in a sandbox, or serve one: they are there only while there is one. */
const NEED_A_SANDBOX: ReadonlySet<VictimName> = new Set([
  'worker',
  'sandbox',
  'zombie-worker',
  'forwarder',
  'disk-full',
])

/** What is said, besides by the worker and by those that answer it, while a run's sandbox lives. */
const SAID_BESIDE_A_SANDBOX = /^(supervisor\/(fact\/run\.(spawned|adopted)|record\/running|control\/.*)|ledger\/view)$/

/** Whether the victim can be there when the world stands at the point. */
export function isSensible(name: PointName, victim: VictimName): boolean {
  if (!NEED_A_SANDBOX.has(victim) || name === ANY) return true
  return /^(worker|desk|gateway)\//.test(name) || SAID_BESIDE_A_SANDBOX.test(name)
}

/** Where a run is struck again in every epoch until it parks: what each epoch of a worker says. */
const OF_EVERY_EPOCH: readonly PointName[] = ['worker/fact/run.ready', 'worker/call/model', 'worker/turn']
const KILLED_IN_EVERY_EPOCH: readonly VictimName[] = ['worker', 'sandbox']
/** One trial in so many strikes in every epoch, one in so many at a random time. */
const EVERY_EPOCH_EACH = 25
const RANDOM_TIME_EACH = 10

/** Every point on either side with every victim that can be there. Pure. */
export function fullMatrix(options: PlanOptions): Trial[] {
  const draw = drawer(options)
  const cells = cellsOf(options).map(draw.at)
  const times = options.victims.flatMap((victim) => SIDES.map((side) => draw.at({ name: ANY, side, victim })))
  return [...cells, ...parkings(options).map(draw.everyEpoch), ...times]
}

/**
 * So many trials, which take points, sides and victims in turn as evenly as their number allows; some at random
 * times, and some that strike in every epoch. Pure: the same for the same seed and points.
 */
export function drawSample(runs: number, options: PlanOptions): Trial[] {
  const draw = drawer(options)
  const cells = new EvenCells(shuffled(cellsOf(options), draw.random))
  const times = new EvenCells(
    shuffled(
      options.victims.flatMap((victim) => SIDES.map((side) => ({ name: ANY, side, victim }) as const)),
      draw.random,
    ),
  )
  const parking = new EvenCells(shuffled(parkings(options), draw.random))
  return Array.from({ length: runs }, (_, index) => {
    const nth = index + 1
    const parked = nth % EVERY_EPOCH_EACH === 0 ? parking.next() : undefined
    if (parked !== undefined) return draw.everyEpoch(parked)
    const timed = nth % RANDOM_TIME_EACH === 0 ? times.next() : undefined
    const cell = timed ?? cells.next() ?? times.next()
    return cell && draw.at(cell)
  }).filter((trial) => trial !== undefined)
}

/** Pings come when somebody is slow: who awaits one may wait in vain. */
export const isDrawn = (name: PointName): boolean => name !== ANY && !name.endsWith('/ping')

const namesOf = ({ seen }: PlanOptions): PointName[] => [...seen.keys()].filter(isDrawn).sort()

function cellsOf(options: PlanOptions): Cell[] {
  return namesOf(options).flatMap((name) =>
    SIDES.flatMap((side) =>
      options.victims.filter((victim) => isSensible(name, victim)).map((victim) => ({ name, side, victim })),
    ),
  )
}

const parkings = ({ seen, victims }: PlanOptions): Cell[] =>
  OF_EVERY_EPOCH.filter((name) => seen.has(name)).flatMap((name) =>
    SIDES.flatMap((side) =>
      KILLED_IN_EVERY_EPOCH.filter((victim) => victims.includes(victim)).map((victim) => ({ name, side, victim })),
    ),
  )

/** Said in pieces, or for as long as something takes: how often is not the same in every run. */
const VARIES = /^(ledger\/view|supervisor\/liveness|worker\/beat|.*\/data)$/

/** Of so many the world is sure to come by each; of what varies, the first half. */
const sureOf = (name: PointName, times: number): number => (VARIES.test(name) ? Math.ceil(times / 2) : times)

/** Turns cells into trials: which one of its name is left to chance. */
function drawer({ seed, seen }: PlanOptions) {
  const random = randomOf(seed)
  const trial = (cell: Cell, nth: number, strikes: Trial['strikes']): Trial => ({
    seed,
    victim: cell.victim,
    at: { kind: 'point', point: { name: cell.name, nth, side: cell.side } },
    ...(strikes === undefined ? {} : { strikes }),
  })
  return {
    random,
    at: (cell: Cell): Trial =>
      trial(cell, 1 + Math.floor(random() * sureOf(cell.name, seen.get(cell.name) ?? 1)), undefined),
    /** From the first on: a run that is struck each time does not get further. */
    everyEpoch: (cell: Cell): Trial => trial(cell, 1, 'every-epoch'),
  }
}

/** Gives out cells so that names, then victims, then sides are used as evenly as can be; none twice before all once. */
class EvenCells {
  readonly #all: readonly Cell[]
  #left: Cell[]
  readonly #uses = new Map<string, number>()

  constructor(cells: readonly Cell[]) {
    this.#all = cells
    this.#left = [...cells]
  }

  /** `undefined` only when there is none at all. */
  next(): Cell | undefined {
    if (this.#left.length === 0) this.#left = [...this.#all]
    const best = this.#left.reduce<Cell | undefined>(
      (one, other) => (one === undefined || this.#compare(other, one) < 0 ? other : one),
      undefined,
    )
    if (best === undefined) return undefined
    this.#left = this.#left.filter((cell) => cell !== best)
    for (const key of [best.name, best.victim, best.side, `${best.name} ${best.side}`])
      this.#uses.set(key, this.#usesOf(key) + 1)
    return best
  }

  #compare(one: Cell, other: Cell): number {
    const by = (key: (cell: Cell) => string) => this.#usesOf(key(one)) - this.#usesOf(key(other))
    return (
      by(({ name }) => name) ||
      by(({ victim }) => victim) ||
      by(({ name, side }) => `${name} ${side}`) ||
      by(({ side }) => side)
    )
  }

  #usesOf(key: string): number {
    return this.#uses.get(key) ?? 0
  }
}

/** Fisher and Yates. */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const left = [...items]
  return items.flatMap(() => left.splice(Math.floor(random() * left.length), 1))
}
