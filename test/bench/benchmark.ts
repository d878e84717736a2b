import type { Summary } from './statistics.ts'

export type Unit = 'ms' | '/s' | 'MB/s' | 'MiB'

/** One thing we do, beside the same done by the bare engine in the same run. */
export type Figure = {
  readonly name: string
  readonly unit: Unit
  readonly ours: Summary
  readonly engine: { readonly name: string; readonly summary: Summary }
  /** Largest ratio of the medians that is accepted. */
  readonly ratioAtMost?: number
}

export type Benchmark = {
  readonly name: string
  /** What it measures, for people. */
  readonly about: string
  /** Measures on real engines of its own, and takes down whatever it put up. */
  run(signal: AbortSignal): Promise<readonly Figure[]>
}
