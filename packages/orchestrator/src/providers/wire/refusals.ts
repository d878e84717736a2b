import type { RefusedEvent } from './control-protocol.ts'

/** Who refuses on the way to the bus: the bus itself, or the wire. */
export type RefusedBy = RefusedEvent['by']
export type Untold = Pick<RefusedEvent, 'by' | 'count' | 'lastReason'>

/** Longest reason that is passed on. */
const MOST_REASON = 300
/** A sandbox can be refused as often as it likes; what is told of it is told no more often than this. */
const LEAST_APART_MS = 1_000

/**
 * What one sandbox was refused and nobody has been told yet.
 *
 * 1. The first is told at once, those that follow together, a second later.
 * 2. What nobody could be told is kept, and told when somebody can be.
 */
export interface Refusals {
  note(by: RefusedBy, reason: string): void
  /** Tells now what is untold. */
  flush(): void
  close(): void
}

/** @param tell false when nobody listens */
export function openRefusals(tell: (untold: Untold) => boolean): Refusals {
  const untold = new Map<RefusedBy, Untold>()
  let pause: NodeJS.Timeout | undefined

  const flush = () => {
    for (const [by, each] of untold) if (tell(each)) untold.delete(by)
  }
  const settle = () => {
    pause = undefined
    if (untold.size === 0) return
    flush()
    rest()
  }
  const rest = () => {
    pause ??= setTimeout(settle, LEAST_APART_MS).unref()
  }
  return {
    note(by, reason) {
      const count = (untold.get(by)?.count ?? 0) + 1
      untold.set(by, { by, count, lastReason: reason.slice(0, MOST_REASON) })
      if (pause === undefined) flush()
      rest()
    },
    flush,
    close: () => clearTimeout(pause),
  }
}
