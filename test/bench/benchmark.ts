import type { Summary } from './statistics.ts'

export type Unit = 'ms' | '/s' | 'MB/s' | 'MiB'

/** One thing we do, beside the same done by the bare engine in the same run. */
export type Figure = {
  readonly name: string
  readonly unit: Unit
  readonly ours: Summary
  readonly engine: { readonly name: string; readonly summary: Summary }
  /** What of ours is shown and judged; the engine's is always its median. Default `median`. */
  readonly judged?: 'median' | 'p99'
  /** Largest ratio to the engine's median that is accepted. */
  readonly ratioAtMost?: number
  /** Largest value of ours that is accepted, in `unit`. */
  readonly atMost?: number
}

export type Benchmark = {
  readonly name: string
  /** What it measures, for people. */
  readonly about: string
  /** Measures on real engines of its own, and takes down whatever it put up. */
  run(signal: AbortSignal): Promise<readonly Figure[]>
}
