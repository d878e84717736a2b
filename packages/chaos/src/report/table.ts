import { type Column, renderTable } from '../../../cli/src/render/table.ts'
import { SIDES } from '../points/point.ts'
import type { VictimName } from '../world/victim.ts'
import { seconds } from './seconds.ts'
import type { MatrixRow, Result, Spread, Summary, VictimSummary } from './summary.ts'
import { isOnTarget, TARGETS } from './targets.ts'

/** A table before it is laid out. */
export type Table = { readonly columns: readonly Column[]; readonly rows: readonly (readonly string[])[] }

/** Headings of the matrix, where there is room for little. */
const SHORT: Readonly<Record<VictimName, string>> = {
  worker: 'work',
  sandbox: 'sbox',
  engine: 'engn',
  orchestrator: 'orch',
  orchestrators: 'both',
  nats: 'nats',
  'nats-frozen': 'frzn',
  forwarder: 'fwd',
  'zombie-worker': 'zwrk',
  'zombie-orchestrator': 'zorc',
  'disk-full': 'disk',
  'clock-jump': 'clck',
}

const SIGN: Readonly<Record<Result, string>> = { held: '✓', violated: '✗', skipped: '·' }

export const legendLines = ({ victims }: Summary): string[] => [
  'Each cell: before the point, then after it. ✓ every promise held, ✗ violated, · the victim was not there, - not tried.',
  victims.map(({ victim }) => `${SHORT[victim]} = ${victim}`).join(', '),
]

/** Point × victim → outcome. */
export function matrixTable({ matrix, victims }: Summary): Table {
  const names = victims.map(({ victim }) => victim)
  return {
    columns: [{ title: 'point' }, ...names.map((name) => ({ title: SHORT[name] }))],
    rows: matrix.map((row) => [row.name, ...names.map((name) => cellOf(row, name))]),
  }
}

/** Nothing where neither side was tried. */
function cellOf({ cells }: MatrixRow, victim: VictimName): string {
  const cell = cells.get(victim)
  if (cell === undefined) return ''
  return SIDES.map((side) => (cell[side] === undefined ? '-' : SIGN[cell[side]])).join('')
}

const right = (title: string): Column => ({ title, align: 'right' })

/** Victim → how it came out, how long it took, what it cost. */
export function victimTable(summary: Summary): Table {
  return {
    columns: [
      { title: 'victim' },
      ...['trials', 'held', 'violated', 'not there', 'p50', 'p95', 'p99', 'p50/cold', 'p99/cold'].map(right),
      right('paid twice'),
      right('most'),
      { title: 'target' },
    ],
    rows: summary.victims.map((each) => rowOf(each, summary)),
  }
}

function rowOf(each: VictimSummary, summary: Summary): string[] {
  const { victim, results, recovery, paidTwice } = each
  const onTarget = isOnTarget(each, summary)
  const target = TARGETS[victim]
  return [
    victim,
    String(results.held + results.violated + results.skipped),
    String(results.held),
    String(results.violated),
    String(results.skipped),
    ...(['p50', 'p95', 'p99'] as const).map((share) => (recovery === undefined ? '' : seconds(recovery[share]))),
    ...(['p50', 'p99'] as const).map((share) => timesCold(recovery, share, summary.coldStart)),
    String(paidTwice.all),
    String(paidTwice.most),
    target === undefined || onTarget === undefined ? '' : `${target.text}: ${onTarget ? 'met' : 'missed'}`,
  ]
}

function timesCold(recovery: Spread | undefined, share: 'p50' | 'p99', cold: Spread | undefined): string {
  if (recovery === undefined || cold === undefined || cold.p50 === 0) return ''
  return `${(recovery[share] / cold.p50).toFixed(1)} ×`
}

export function coldStartLine({ coldStart }: Summary): string {
  if (coldStart === undefined) return 'No cold start was measured.'
  const { count, p50, p95, p99 } = coldStart
  return `Cold start, sandbox to ready: p50 ${seconds(p50)}, p95 ${seconds(p95)}, p99 ${seconds(p99)} (${count} measured).`
}

/** Why victims were not there, most frequent first. */
export function skipLines({ victims }: Summary): string[] {
  return victims
    .flatMap(({ victim, skips }) => [...skips].map(([why, count]) => ({ victim, why, count })))
    .sort((one, other) => other.count - one.count)
    .map(({ victim, why, count }) => `${victim}: ${why} (${count})`)
}

export function asText({ columns, rows }: Table, header?: (text: string) => string): string[] {
  return renderTable(columns, rows, { width: Number.POSITIVE_INFINITY, ...(header === undefined ? {} : { header }) })
}

export function asMarkdown({ columns, rows }: Table): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [
    line(columns.map(({ title }) => title)),
    line(columns.map(({ align }) => (align === 'right' ? '---:' : '---'))),
    ...rows.map((row) => line(row.map((cell) => cell.trim()))),
  ]
}
