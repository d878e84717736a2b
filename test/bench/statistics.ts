/** What repeated measurements of one thing come to; in the unit of the measurements. */
export type Summary = {
  readonly count: number
  readonly min: number
  readonly median: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/** The value below which that share of the measurements lies, between neighbours where it falls between them. */
export function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share
  const below = sorted[Math.floor(at)]
  const above = sorted[Math.ceil(at)]
  if (below === undefined || above === undefined) throw new RangeError('no measurements')
  return below + (above - below) * (at - Math.floor(at))
}

/** @throws RangeError when there is nothing to summarise, or a measurement is no finite number */
export function summarise(measurements: readonly number[]): Summary {
  if (measurements.length === 0) throw new RangeError('no measurements')
  if (!measurements.every(Number.isFinite)) throw new RangeError(`not all numbers: ${measurements.join(', ')}`)
  const sorted = measurements.toSorted((one, other) => one - other)
  return {
    count: sorted.length,
    min: quantile(sorted, 0),
    median: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    max: quantile(sorted, 1),
  }
}

/** Three digits that count, no more. */
export function digits(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en')
  return value.toFixed(value >= 10 ? 1 : 2)
}
