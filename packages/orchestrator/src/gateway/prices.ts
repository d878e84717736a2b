/** US dollars per million tokens. */
export type Price = {
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  /** Written to be kept for five minutes; `null` while the price is not known. */
  readonly cacheWrite5m: number | null
  /** Written to be kept for an hour. */
  readonly cacheWrite1h: number | null
}

/** Tokens of one model call, as the API counts them. */
export type CallTokens = {
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  readonly cacheWrite5m: number
  readonly cacheWrite1h: number
}

type Tier = {
  readonly model: string /** Longest prompt, in tokens, that this price is for. */
  readonly upTo?: number
  readonly price: Price
}

const price = (
  input: number,
  output: number,
  cacheRead: number,
  cacheWrite5m: number | null,
  cacheWrite1h: number | null,
): Price => ({ input, output, cacheRead, cacheWrite5m, cacheWrite1h })

/** List prices as published; no column follows from another by a fixed factor. */
export const PRICES_AS_OF = '2026-11'
const TIERS: readonly Tier[] = [
  { model: 'claude-fable-5-2', price: price(8, 40, 0.2, 10, 16) },
  { model: 'claude-opus-5-5', price: price(4, 20, 0.2, 5, 8) },
  { model: 'claude-opus-5', price: price(5, 25, 0.5, 6.25, 10) },
  { model: 'claude-opus-4-8', price: price(5, 25, 0.5, 6.25, 10) },
  { model: 'claude-sonnet-5-5', price: price(2, 10, 0.1, 2.5, 4) },
  { model: 'claude-sonnet-5', price: price(2, 10, 0.2, 2.5, 4) },
  { model: 'claude-sonnet-4-6', price: price(3, 15, 0.3, 3.75, 6) },
  { model: 'claude-haiku-5-5', upTo: 100_000, price: price(0.1, 0.5, 0.01, 0.125, 0.2) },
  { model: 'claude-haiku-5-5', price: price(0.5, 2.5, 0.05, null, null) },
  { model: 'claude-haiku-4-5', price: price(1, 5, 0.1, 1.25, 2) },
]

/** US dollars of one call; `null` when the model or a price is unknown, for unknown is not zero. */
export function costOf(model: string, tokens: CallTokens): number | null {
  const prompt = tokens.input + tokens.cacheRead + tokens.cacheWrite5m + tokens.cacheWrite1h
  const tier = TIERS.find((each) => isModel(model, each.model) && prompt <= (each.upTo ?? Number.POSITIVE_INFINITY))
  if (tier === undefined) return null
  const { input, output, cacheRead, cacheWrite5m, cacheWrite1h } = tier.price
  const written5m = times(tokens.cacheWrite5m, cacheWrite5m)
  const written1h = times(tokens.cacheWrite1h, cacheWrite1h)
  if (written5m === null || written1h === null) return null
  const total = tokens.input * input + tokens.output * output + tokens.cacheRead * cacheRead + written5m + written1h
  return total / 1_000_000
}

/**
 * The most that a call can cost, in US dollars: every token of its prompt at the dearest way to
 * read it, and all the output it may ask for. `null` when the model is unknown.
 */
export function ceilingOf(model: string, tokens: { prompt: number; output: number }): number | null {
  const prices = TIERS.filter((each) => isModel(model, each.model)).map((tier) => tier.price)
  if (prices.length === 0) return null
  const dearest = prices.map(({ input, output, cacheWrite5m, cacheWrite1h }) => {
    const read = Math.max(input, cacheWrite5m ?? 0, cacheWrite1h ?? 0)
    return (tokens.prompt * read + tokens.output * output) / 1_000_000
  })
  return Math.max(...dearest)
}

/** The API answers with dated names, such as `claude-haiku-4-5-20251001`. */
const isModel = (name: string, model: string): boolean =>
  name === model || (name.startsWith(`${model}-`) && /^\d{8}$/.test(name.slice(model.length + 1)))

const times = (tokens: number, each: number | null): number | null =>
  tokens === 0 ? 0 : each === null ? null : tokens * each
