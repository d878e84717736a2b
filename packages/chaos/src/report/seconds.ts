/** Three digits that count. */
export function seconds(ms: number): string {
  const value = ms / 1_000
  if (value >= 100) return `${Math.round(value)} s`
  return `${value.toFixed(value >= 10 ? 1 : 2)} s`
}
