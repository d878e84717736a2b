import { type Column, renderTable } from '../../packages/cli/src/render/table.ts'
import type { Growth, GrowthRow } from './benchmark.ts'
import { digits } from './statistics.ts'

/** Whether a row keeps its limit; `no target` when it has none, or its size was not measured. Pure. */
export function growthVerdict({ sizes }: Pick<Growth, 'sizes'>, { values, limit }: GrowthRow) {
  const value = limit === undefined ? undefined : values[sizes.indexOf(limit.size)]
  if (limit === undefined || value === undefined) return 'no target'
  return value <= limit.most ? 'pass' : 'miss'
}

const shown = (value: number, unit: string): string =>
  Number.isFinite(value) ? `${value === 0 ? '0' : digits(value)} ${unit}`.trim() : '–'

/** One column a size. */
export function renderGrowth(growth: Growth): string[] {
  const { of, sizes, rows } = growth
  const columns: Column[] = [
    { title: of },
    ...sizes.map((size) => ({ title: size.toLocaleString('en'), align: 'right' }) as const),
    { title: 'target', align: 'right' },
    { title: '' },
  ]
  const lines = rows.map((row) => {
    const verdict = growthVerdict(growth, row)
    const { name, unit, values, limit } = row
    const target = limit && `≤ ${limit.most} ${unit}`.trimEnd()
    return [
      name,
      ...values.map((value) => shown(value, unit)),
      limit === undefined ? '' : `${target} at ${limit.size.toLocaleString('en')}`,
      verdict === 'no target' ? '' : verdict,
    ]
  })
  return renderTable(columns, lines, { width: 200 })
}
