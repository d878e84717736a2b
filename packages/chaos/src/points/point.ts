import { SpecfleetError } from '@specfleet/shared'

/**
 * A moment at which the world can be stopped: something is about to be published, or has just been stored and
 * its publisher does not know yet. Seen on the wire, so nothing in the parts under test knows of it.
 */
export type Point = {
  /** What is said: `worker/fact/phase.completed`, `intake/record/claimed`, `gateway/answer`; or `any` of them. */
  readonly name: PointName
  /**
   * Which one of that name, from 1, counted for each run (or spec, or orchestrator) of its own: what one run says
   * has an order, what many say together has none. Of `any`, counted over all that is said.
   */
  readonly nth: number
  /**
   * `before`: it never left its publisher. `after`: it has reached the server, and where it is answered, the
   * answer stands before the publisher and never arrives.
   */
  readonly side: Side
}

export const SIDES = ['before', 'after'] as const
export type Side = (typeof SIDES)[number]

export const PARTS = ['worker', 'intake', 'supervisor', 'ledger', 'desk', 'gateway', 'api', 'client'] as const
export type Part = (typeof PARTS)[number]

/** Whatever is said next, by whomever: for random times. */
export const ANY = 'any'

/** `<part>/<what>[/<kind>]`; parts are those of the system. */
export type PointName = `${Part}/${string}` | typeof ANY

/** `worker/fact/phase.completed#2 after`; read back by `parsePoint`. */
export const describePoint = ({ name, nth, side }: Point): string => `${name}#${nth} ${side}`

/** @throws SpecfleetError `usage` for what `describePoint` does not write */
export function parsePoint(text: string): Point {
  const [, name, count, side] = /^([a-z]+(?:\/[A-Za-z0-9._-]+)*)(?:#([1-9]\d{0,8}))? (before|after)$/.exec(text) ?? []
  if (name === undefined || !isPointName(name) || (side !== 'before' && side !== 'after'))
    throw new SpecfleetError('usage', `"${text}" is no point; one is written worker/turn#2 after`)
  return { name, nth: Number(count ?? 1), side }
}

/** Whether it is written like one; `--list` tells which there are. */
export function isPointName(text: string): text is PointName {
  return text === ANY || PARTS.some((part) => text.startsWith(`${part}/`))
}
