import { type Column, renderTable } from '../../packages/cli/src/render/table.ts'
import type { Figure, Growth, Unit } from './benchmark.ts'
import { growthVerdict, renderGrowth } from './growth.ts'
import { digits, type Summary } from './statistics.ts'

export type Verdict = 'pass' | 'miss' | 'no target'

const judgedOf = ({ ours, judged = 'median' }: Figure): number => ours[judged]

/** What is judged of ours, over the engine's median. */
export const ratioOf = (figure: Figure): number => judgedOf(figure) / figure.engine.summary.median

export function verdictOf(figure: Figure): Verdict {
  const { ratioAtMost = Infinity, ratioAtLeast = 0, atMost = Infinity, atLeast = 0 } = figure
  if (describeTarget(figure) === '') return 'no target'
  const value = judgedOf(figure)
  const ratio = ratioOf(figure)
  return ratio <= ratioAtMost && ratio >= ratioAtLeast && value <= atMost && value >= atLeast ? 'pass' : 'miss'
}

function describeTarget({ ratioAtMost, ratioAtLeast, atMost, atLeast, unit }: Figure): string {
  const ratio = ratioAtMost === undefined ? [] : [`≤ ${ratioAtMost} ×`]
  const leastRatio = ratioAtLeast === undefined ? [] : [`≥ ${ratioAtLeast} ×`]
  const value = atMost === undefined ? [] : [`≤ ${digits(atMost)} ${unit}`]
  const least = atLeast === undefined ? [] : [`≥ ${digits(atLeast)} ${unit}`]
  return [...ratio, ...leastRatio, ...value, ...least].join(', ')
}

/** The median, and in brackets how bad it gets: of times and sizes the 95th percentile, of rates the least. */
function describe({ median, p95, min }: Summary, unit: Unit): string {
  const isRate = unit.endsWith('/s')
  return `${digits(median)} ${unit} (${digits(isRate ? min : p95)})`
}

const describeOurs = (figure: Figure): string =>
  figure.judged === 'p99' ? `p99 ${digits(figure.ours.p99)} ${figure.unit}` : describe(figure.ours, figure.unit)

const COLUMNS: readonly Column[] = [
  { title: 'what' },
  { title: 'ours', align: 'right' },
  { title: 'against' },
  { title: 'engine', align: 'right' },
  { title: 'ratio', align: 'right' },
  { title: 'target', align: 'right' },
  { title: '' },
]

export type Report = readonly {
  readonly benchmark: string
  readonly figures: readonly Figure[]
  readonly growth?: Growth
}[]

/** Whether any target was missed. */
export const anyMissed = (report: Report): boolean =>
  report.some(
    ({ figures, growth }) =>
      figures.some((each) => verdictOf(each) === 'miss') ||
      growth?.rows.some((row) => growthVerdict(growth, row) === 'miss'),
  )

export function renderReport(report: Report): string[] {
  const grown = report.flatMap(({ growth }) => (growth === undefined ? [] : renderGrowth(growth)))
  const compared = report.some(({ figures }) => figures.length > 0) ? renderComparison(report) : []
  return [...compared, ...(compared.length > 0 && grown.length > 0 ? [''] : []), ...grown]
}

function renderComparison(report: Report): string[] {
  const rows = report.flatMap(({ benchmark, figures }) =>
    figures.map((figure) => [
      `${benchmark}: ${figure.name}`,
      describeOurs(figure),
      figure.engine.name,
      describe(figure.engine.summary, figure.unit),
      `${digits(ratioOf(figure))} ×`,
      describeTarget(figure),
      verdictOf(figure) === 'no target' ? '' : verdictOf(figure),
    ]),
  )
  return [
    ...renderTable(COLUMNS, rows, { width: 200 }),
    '',
    'Medians; in brackets the 95th percentile of times and sizes, the least of rates.',
  ]
}

/** The same for programs; numbers are not rounded. */
export const reportAsJson = (report: Report) =>
  report.map(({ benchmark, figures, growth }) => ({
    benchmark,
    figures: figures.map((figure) => ({ ...figure, ratio: ratioOf(figure), verdict: verdictOf(figure) })),
    ...(growth === undefined
      ? {}
      : { growth: { ...growth, rows: growth.rows.map((row) => ({ ...row, verdict: growthVerdict(growth, row) })) } }),
  }))
