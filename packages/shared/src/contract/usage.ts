import * as z from 'zod'

const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER)

/** What was spent. `usd` is `null` while the price is unknown: unknown is not zero. */
export const Usage = z.object({
  turns: count,
  toolCalls: count,
  inputTokens: count,
  outputTokens: count,
  cacheReadTokens: count,
  cacheWriteTokens: count,
  usd: z.number().nonnegative().nullable(),
})
export type Usage = z.infer<typeof Usage>

export const NO_USAGE: Usage = {
  turns: 0,
  toolCalls: 0,
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  usd: 0,
}

export const addUsage = (a: Usage, b: Usage): Usage => ({
  turns: a.turns + b.turns,
  toolCalls: a.toolCalls + b.toolCalls,
  inputTokens: a.inputTokens + b.inputTokens,
  outputTokens: a.outputTokens + b.outputTokens,
  cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
  cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
  usd: a.usd === null || b.usd === null ? null : a.usd + b.usd,
})
