import type { BetaUsage } from '@anthropic-ai/sdk/resources/beta'
import type { Usage } from '@specfleet/shared'

/**
 * What one reply cost. Its price is known here only where there is none: the offline upstream. The
 * gateway, which has the prices, keeps the money.
 */
export const usageOfReply = (usage: BetaUsage, options: { toolCalls: number; free: boolean }): Usage => ({
  turns: 1,
  toolCalls: options.toolCalls,
  inputTokens: usage.input_tokens,
  outputTokens: usage.output_tokens,
  cacheReadTokens: usage.cache_read_input_tokens ?? 0,
  cacheWriteTokens: usage.cache_creation_input_tokens ?? 0,
  usd: options.free ? 0 : null,
})
