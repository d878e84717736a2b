import { REFUSERS, type Refuser, type RunView, type SpecState } from '@specfleet/shared'
import type { Style } from './style.ts'
import { renderTable } from './table.ts'

/** One kind of what sandboxes were refused. */
export type RefusalRow = {
  /** The run; a spec's facts are counted together, whichever run stated them. */
  readonly run: string | null
  readonly by: Refuser | 'ledger' | 'fence'
  readonly count: number
  readonly lastReason: string
}

/** Everything that sandboxes of the spec were refused, or ended for: by the ledger, by the fence for floods, by each refuser. */
export function refusalsOf({ refused, runs }: Pick<SpecState, 'refused' | 'runs'>): RefusalRow[] {
  const facts = { run: null, by: 'ledger', count: refused.count, lastReason: refused.lastReason ?? '–' } as const
  return [facts, ...runs.flatMap(refusalsOfRun)].filter(({ count }) => count > 0)
}

function refusalsOfRun({ runId: run, causes, refusals }: RunView): RefusalRow[] {
  const floods = causes.filter(({ kind }) => kind === 'flood').length
  const fenced: RefusalRow = {
    run,
    by: 'fence',
    count: floods,
    lastReason: 'its sandbox stated more facts than it may',
  }
  const told = REFUSERS.flatMap((by) => {
    const each = refusals?.by[by]
    return each === undefined ? [] : [{ run, by, ...each }]
  })
  return [...told, fenced]
}

/** One aligned block; nothing when nothing was refused. */
export function renderRefusals(rows: readonly RefusalRow[], layout: { style: Style; width: number }): string[] {
  if (rows.length === 0) return []
  const columns = [
    { title: 'run' },
    { title: 'refused by' },
    { title: 'count', align: 'right' as const },
    { title: 'last reason', flexible: true },
  ]
  const cells = rows.map(({ run, by, count, lastReason }) => [run ?? '–', by, String(count), lastReason])
  const lines = renderTable(columns, cells, { width: layout.width - 2, header: layout.style.dim })
  return ['', layout.style.yellow('Refused'), ...lines.map((line) => `  ${line}`)]
}
