import type { Plan } from './plan.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|').replace(/\s+/g, ' ').trim()

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] =>
  rows.length === 0
    ? []
    : [
        `| ${head.join(' | ')} |`,
        `|${head.map(() => ' --- ').join('|')}|`,
        ...rows.map((row) => `| ${row.map(cell).join(' | ')} |`),
        '',
      ]

const list = (items: readonly string[]): string[] =>
  items.length === 0 ? [] : [...items.map((item) => `- ${item}`), '']

/** The plan as one Markdown document that a reviewer can read from top to bottom. */
export function planMarkdown(title: string, plan: Plan): string {
  const lines = [
    `# ${title}`,
    '',
    ...exploreLines(plan),
    ...requirementLines(plan),
    ...designLines(plan),
    ...taskLines(plan),
  ]
  return `${[...lines, ...traceLines(plan)].join('\n').trimEnd()}\n`
}

function exploreLines({ explore }: Plan): string[] {
  if (explore === undefined) return []
  return [
    '## What is there',
    '',
    explore.codebaseSummary,
    '',
    ...table(
      ['file', 'purpose'],
      explore.keyFiles.map((file) => [`\`${file.path}\``, file.purpose]),
    ),
  ]
}

function requirementLines({ requirements }: Plan): string[] {
  if (requirements === undefined) return []
  return [
    '## Requirements',
    '',
    ...requirements.requirements.flatMap((r) => [
      `### ${r.id}${r.title === '' ? '' : ` ${r.title}`}`,
      '',
      `${r.text} *(${r.priority}, ${r.type})*`,
      '',
      ...list(r.acceptanceCriteria),
    ]),
    ...(requirements.outOfScope.length > 0 ? ['### Out of scope', '', ...list(requirements.outOfScope)] : []),
  ]
}

function designLines({ design }: Plan): string[] {
  if (design === undefined) return []
  return [
    '## Design',
    '',
    design.architectureOverview,
    '',
    ...table(
      ['component', 'file', 'responsibility', 'meets'],
      design.components.map((c) => [c.name, c.filePath, c.responsibilities.join('; '), c.requirements.join(' ')]),
    ),
    ...table(
      ['model', 'fields'],
      design.dataModels.map((model) => [model.name, model.fields.map((f) => `${f.name}: ${f.type}`).join(', ')]),
    ),
    ...table(
      ['endpoint', 'description'],
      design.apiEndpoints.map((endpoint) => [`${endpoint.method} ${endpoint.path}`, endpoint.description]),
    ),
  ]
}

function taskLines({ tasks }: Plan): string[] {
  if (tasks === undefined) return []
  const layers = [...new Set(tasks.tasks.map((task) => task.layer ?? '–'))].sort()
  return [
    '## Tickets',
    '',
    ...layers.flatMap((layer) => [
      `### ${layer}`,
      '',
      ...table(
        ['id', 'title', 'role', 'hours', 'depends on', 'files'],
        tasks.tasks
          .filter((task) => (task.layer ?? '–') === layer)
          .map((task) => [
            task.id,
            task.title,
            task.role,
            String(task.estimateHours),
            task.dependsOn.join(' '),
            [...task.files.create, ...task.files.modify].join(' '),
          ]),
      ),
    ]),
  ]
}

function traceLines({ sync }: Plan): string[] {
  if (sync === undefined) return []
  return [
    '## Traceability',
    '',
    ...table(
      ['requirement', 'components', 'tasks', 'files', 'status'],
      sync.coverageMatrix.map((row) => [
        row.requirementId,
        row.components.join(' '),
        row.tasks.join(' '),
        row.files.join(' '),
        row.status,
      ]),
    ),
    `Critical path: ${sync.dependencyAnalysis.criticalPath.join(' → ')} (${sync.dependencyAnalysis.criticalPathHours} h)`,
    '',
    ...(sync.blockers.length > 0 ? ['Blockers:', '', ...list(sync.blockers)] : []),
  ]
}
