import type { ProjectId } from '@specfleet/shared'
import { PRIORITIES, type Priority } from '@specfleet/shared'
import type { QueuedRun } from './world.ts'

/** Who has been served so far, as far as the next decision needs it. */
export type History = {
  /** For each priority: how many of others started since one of its own did, or none waited. */
  readonly passedOver: Readonly<Record<Priority, number>>
  /** Rises by one with each start. */
  readonly count: number
  /** The count at which a project that waits was served last. */
  readonly lastServed: ReadonlyMap<ProjectId, number>
}

export const NOTHING_SERVED: History = {
  passedOver: { high: 0, normal: 0, low: 0 },
  count: 0,
  lastServed: new Map(),
}

/** Of so many starts in a row, at least one is of the lowest priority that waits. */
const TURN = 10

/** The higher priority comes first; behind nine others it is the turn of a lower one, the lowest before all. Pure. */
export function prioritiesInTurn({ passedOver }: History): Priority[] {
  const overdue = PRIORITIES.toReversed().filter((priority) => passedOver[priority] >= TURN - 1)
  return [...overdue, ...PRIORITIES.filter((priority) => !overdue.includes(priority))]
}

/** The first run in the line of a project, and how its project stands. */
export type Candidate = {
  readonly run: QueuedRun
  /** Slots that its project holds in the whole fleet. */
  readonly holding: number
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

/** The history behind one more start. Pure. */
export function served(
  { passedOver, count, lastServed }: History,
  { priority, projectId }: Pick<QueuedRun, 'priority' | 'projectId'>,
  waits: (priority: Priority) => boolean,
): History {
  const next = { ...passedOver }
  for (const each of PRIORITIES) next[each] = waits(each) ? Math.min(next[each] + 1, TURN) : 0
  next[priority] = 0
  return { passedOver: next, count: count + 1, lastServed: new Map(lastServed).set(projectId, count + 1) }
}
