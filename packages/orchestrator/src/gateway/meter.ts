import type { RunId } from '@specfleet/shared'
import { costOf } from './prices.ts'
import type { CallReport } from './usage-reader.ts'

/** What a run's model calls came to, as this orchestrator passed them on. */
export type Spent = {
  readonly calls: number
  readonly inputTokens: number
  readonly outputTokens: number
  /** `null` once a call of unknown price was among them. */
  readonly usd: number | null
}

const NOTHING: Spent = { calls: 0, inputTokens: 0, outputTokens: 0, usd: 0 }
const MOST_RUNS = 10_000

/** Adds up what passes through this gateway, by run; the runs heard of last are remembered. */
export class Meter {
  readonly #runs = new Map<RunId, Spent>()
  readonly #free: boolean

  /** @param options.free whether the upstream costs nothing, whatever the model is called */
  constructor(options: { free: boolean }) {
    this.#free = options.free
  }

  /** What this call cost, and the run with it so far; `null` where a price is unknown. */
  count(runId: RunId, { model, tokens }: CallReport): { usd: number | null; run: Spent } {
    const usd = this.#free ? 0 : costOf(model ?? '', tokens)
    const before = this.#runs.get(runId) ?? NOTHING
    const run: Spent = {
      calls: before.calls + 1,
      inputTokens: before.inputTokens + tokens.input + tokens.cacheRead + tokens.cacheWrite5m + tokens.cacheWrite1h,
      outputTokens: before.outputTokens + tokens.output,
      usd: before.usd === null || usd === null ? null : before.usd + usd,
    }
    this.#runs.delete(runId)
    this.#runs.set(runId, run)
    const [oldest] = this.#runs.keys()
    if (this.#runs.size > MOST_RUNS && oldest !== undefined) this.#runs.delete(oldest)
    return { usd, run }
  }
}
