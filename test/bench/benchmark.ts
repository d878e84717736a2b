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
  /** Smallest ratio to the engine's median that is accepted, of rates. */
  readonly ratioAtLeast?: number
  /** Largest value of ours that is accepted, in `unit`. */
  readonly atMost?: number
  /** Smallest value of ours that is accepted, in `unit`. */
  readonly atLeast?: number
}

/** How figures grow with the size of something; what has no equal in the bare engine. */
export type Growth = {
  /** What there are so many of. */
  readonly of: string
  readonly sizes: readonly number[]
  readonly rows: readonly GrowthRow[]
}

export type GrowthRow = {
  readonly name: string
  readonly unit: string
  /** One for each size. */
  readonly values: readonly number[]
  /** Most that is accepted at one of the sizes. */
  readonly limit?: { readonly size: number; readonly most: number }
}

export type Measured = readonly Figure[] | { readonly growth: Growth; readonly figures?: readonly Figure[] }

export type Benchmark = {
  readonly name: string
  /** What it measures, for people. */
  readonly about: string
  /** Measures on real engines of its own, and takes down whatever it put up. */
  run(signal: AbortSignal): Promise<Measured>
}
