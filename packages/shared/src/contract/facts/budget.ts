import * as z from 'zod'

const usd = z.number().nonnegative()

/** Before a model call of a run with a budget: what it may cost at most. It counts as spent until it is settled. */
export const BudgetReserved = z.looseObject({ usd, callId: z.string().max(64) })
/** Behind it: what it cost; `null` when its price is unknown, and then what was reserved is spent. */
export const BudgetSettled = z.looseObject({
  usd: usd.nullable(),
  callId: z.string().max(64),
  /** Whether a reply came, so that it counts as a turn. */
  replied: z.boolean().default(true),
})
export const BudgetExhausted = z.looseObject({
  limit: z.enum(['usd', 'turns', 'minutes']),
  used: z.number().nonnegative(),
})
