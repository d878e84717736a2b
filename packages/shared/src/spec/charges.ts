import * as z from 'zod'
import type { RunView } from './run-view.ts'

const amount = z.number().nonnegative()
const count = z.number().int().nonnegative()

/** What model calls of a run were charged, over all its epochs; kept where its task has a budget of US dollars or turns. */
export const Charges = z.object({
  /** Replies that are paid for. */
  turns: count,
  usd: amount,
  /** Calls under way, or whose end nobody lived to tell; each with the most it can cost. Oldest first. */
  open: z.array(z.object({ callId: z.string(), usd: amount })),
  /** The last that were settled: told again they change nothing. */
  closed: z.array(z.string()),
})
export type Charges = z.infer<typeof Charges>

const NOTHING: Charges = { turns: 0, usd: 0, open: [], closed: [] }
/** Calls a sandbox has under way are few; the oldest of more than this are taken for paid. */
const MOST_OPEN = 64
const CLOSED_KEPT = 16

const most = (usd: number): number => Math.min(usd, Number.MAX_SAFE_INTEGER)

/** Before a call is made. @param usd the most that it can cost */
export function reserved(charges: Charges | undefined, callId: string, usd: number): Charges {
  const { open, closed, ...sum } = charges ?? NOTHING
  if (closed.includes(callId) || open.some((call) => call.callId === callId)) return { ...sum, open, closed }
  const all = [...open, { callId, usd }]
  const [oldest, ...rest] = all
  if (oldest === undefined || all.length <= MOST_OPEN) return { ...sum, open: all, closed }
  return { turns: sum.turns + 1, usd: most(sum.usd + oldest.usd), open: rest, closed }
}

/** @param usd what it cost; `null` while nobody knows, and then what was reserved is taken for spent */
export function settled(charges: Charges | undefined, callId: string, usd: number | null, replied: boolean): Charges {
  const { open, closed, ...sum } = charges ?? NOTHING
  const call = open.find((each) => each.callId === callId)
  if (call === undefined) return { ...sum, open, closed }
  return {
    turns: sum.turns + (replied ? 1 : 0),
    usd: most(sum.usd + (usd ?? call.usd)),
    open: open.filter((each) => each !== call),
    closed: [...closed, callId].slice(-CLOSED_KEPT),
  }
}

/**
 * What a run has spent of its budget: what is settled, and all that may still be charged, up to
 * a call where one is named. A call in flight counts, so that a crash cannot make it free.
 */
export function chargedTo(run: Pick<RunView, 'charges'>, before?: string): { turns: number; usd: number } {
  const { turns, usd, open } = run.charges ?? NOTHING
  const at = before === undefined ? -1 : open.findIndex(({ callId }) => callId === before)
  const counted = at === -1 ? open : open.slice(0, at)
  return { turns: turns + counted.length, usd: counted.reduce((sum, call) => sum + call.usd, usd) }
}
