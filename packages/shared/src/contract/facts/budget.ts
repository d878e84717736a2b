import { z } from 'zod'

const usd = z.number().nonnegative()

export const BudgetReserved = z.looseObject({ usd, callId: z.string().max(64) })
export const BudgetSettled = z.looseObject({ usd: usd.nullable(), callId: z.string().max(64) })
export const BudgetExhausted = z.looseObject({
  limit: z.enum(['usd', 'turns', 'minutes']),
  used: z.number().nonnegative(),
})
