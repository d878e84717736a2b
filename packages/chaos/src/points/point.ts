/**
 * A moment at which the world can be stopped: something is about to be published, or has just been stored and
 * its publisher does not know yet. Seen on the wire, so nothing in the parts under test knows of it.
 */
export type Point = {
  /** What is said: `worker/fact/phase.completed`, `intake/record/claimed`, `gateway/answer`. */
  readonly name: PointName
  /** Which one of that name in a trial, from 1. */
  readonly nth: number
  /**
   * `before`: it never left its publisher. `after`: it has reached the server, and where the server answers, the
   * answer stands before the publisher and never arrives.
   */
  readonly side: Side
}

export const SIDES = ['before', 'after'] as const
export type Side = (typeof SIDES)[number]

/** `<part>/<what>[/<kind>]`; parts are those of the system. */
export type PointName = `${Part}/${string}`

export const PARTS = ['worker', 'intake', 'supervisor', 'ledger', 'desk', 'gateway', 'api', 'client'] as const
export type Part = (typeof PARTS)[number]

/** `worker/fact/phase.completed#2 after`; read back by `parsePoint`. */
export const describePoint = ({ name, nth, side }: Point): string => `${name}#${nth} ${side}`
