import type { PhaseOutputs } from '@specfleet/shared'
import { counted } from './counted.ts'
import type { Style } from './style.ts'
import { renderTable } from './table.ts'

/** The plan of a spec, as far as its phases have come. */
export type Plan = { [P in keyof PhaseOutputs]?: PhaseOutputs[P] }

type Layout = { style: Style; width: number }

const section = (title: string, lines: readonly string[], style: Style): string[] =>
  lines.length === 0 ? [] : ['', style.bold(title), ...lines.map((line) => (line === '' ? '' : `  ${line}`))]

/** Requirements, components, tasks in layers and the traceability matrix as aligned tables. */
export function renderPlan(plan: Plan, { style, width }: Layout): string[] {
  const table = (columns: Parameters<typeof renderTable>[0], rows: readonly (readonly string[])[]) =>
    rows.length === 0 ? [] : renderTable(columns, rows, { width: width - 2, header: style.dim })
  const requirements = plan.requirements?.requirements ?? []
  const tasks = [...(plan.tasks?.tasks ?? [])].sort((a, b) => (a.layer ?? '').localeCompare(b.layer ?? ''))
  return [
    ...section(
      'Requirements',
      table(
        [
          { title: 'id' },
          { title: 'priority' },
          { title: 'criteria', align: 'right' },
          { title: 'text', flexible: true },
        ],
        requirements.map((r) => [r.id, r.priority, String(r.acceptanceCriteria.length), r.text]),
      ),
      style,
    ),
    ...section(
      'Design',
      table(
        [{ title: 'component' }, { title: 'file' }, { title: 'meets', flexible: true }],
        (plan.design?.components ?? []).map((c) => [c.name, c.filePath, c.requirements.join(' ')]),
      ),
      style,
    ),
    ...section(
      'Tickets, layer by layer',
      table(
        [
          { title: 'layer' },
          { title: 'id' },
          { title: 'role' },
          { title: 'hours', align: 'right' },
          { title: 'depends on' },
          { title: 'title', flexible: true },
        ],
        tasks.map((t) => [t.layer ?? '–', t.id, t.role, String(t.estimateHours), shortList(t.dependsOn), t.title]),
      ),
      style,
    ),
    ...section('Traceability', renderMatrix(plan, table), style),
    ...renderSummary(plan, style),
  ]
}

const shortList = (ids: readonly string[], most = 3): string =>
  ids.length === 0 ? '–' : ids.length <= most ? ids.join(' ') : `${ids.slice(0, most).join(' ')} +${ids.length - most}`

function renderMatrix(
  plan: Plan,
  table: (columns: Parameters<typeof renderTable>[0], rows: readonly (readonly string[])[]) => string[],
): string[] {
  return table(
    [{ title: 'requirement' }, { title: 'components' }, { title: 'tasks' }, { title: 'files', flexible: true }],
    (plan.sync?.coverageMatrix ?? []).map((row) => [
      row.requirementId,
      shortList(row.components, 2),
      shortList(row.tasks),
      shortList(row.files, 4),
    ]),
  )
}

function renderSummary(plan: Plan, style: Style): string[] {
  const sync = plan.sync
  if (sync === undefined) return []
  const { specSummary: sum, dependencyAnalysis: order } = sync
  const verdict = sync.ready ? style.green('ready to build') : style.red(`blocked: ${sync.blockers.join('; ')}`)
  return [
    '',
    `${verdict} · ${counted(sum.requirements, 'requirement')} · ${counted(sum.components, 'component')} · ${counted(sum.tasks, 'task')} in ${counted(order.waves.length, 'wave')} · ${sum.totalEstimatedHours} h`,
    `${style.dim('critical path')} ${order.criticalPath.join(' → ')} (${order.criticalPathHours} h)`,
  ]
}
