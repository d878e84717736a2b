import { PRIORITIES, type Priority } from '@specfleet/shared'
import type { QueuedRun } from './world.ts'

/** For each priority: how many of others started since one of its own did, or none waited. */
export type PassedOver = Readonly<Record<Priority, number>>
export const NOBODY_PASSED_OVER: PassedOver = { high: 0, normal: 0, low: 0 }

/** Of so many starts in a row, at least one is of the lowest priority that waits. */
const TURN = 10

/** The higher priority comes first; behind nine others it is the turn of a lower one, the lowest before all. Pure. */
export function prioritiesInTurn(passedOver: PassedOver): Priority[] {
  const overdue = PRIORITIES.toReversed().filter((priority) => passedOver[priority] >= TURN - 1)
  return [...overdue, ...PRIORITIES.filter((priority) => !overdue.includes(priority))]
}

/** The first run in the line of a project, and how its project stands. */
export type Candidate = {
  readonly run: Pick<QueuedRun, 'place'>
  /** Slots that its project holds in the whole fleet. */
  readonly holding: number
  /** Rises with each start in the fleet; 0 for a project that had none. */
  readonly lastServed: number
}

/**
 * Whether one candidate goes before another of the same priority. Pure.
 *
 * 1. The project that holds fewer slots comes first, so that the slots are shared by max-min
 *    fairness: nobody has more while another who waits has less.
 * 2. Of equals the one whose turn is longest ago, so that a single slot goes round.
 * 3. Of those who never had one, the one that has waited longest.
 */
export function before(one: Candidate, other: Candidate): boolean {
  if (one.holding !== other.holding) return one.holding < other.holding
  if (one.lastServed !== other.lastServed) return one.lastServed < other.lastServed
  return one.run.place < other.run.place
}

/** Counts one more start. Pure. */
export function passing(passedOver: PassedOver, started: Priority, waits: (priority: Priority) => boolean): PassedOver {
  const next = { ...passedOver }
  for (const each of PRIORITIES) next[each] = waits(each) && each !== started ? Math.min(next[each] + 1, TURN) : 0
  return next
}
