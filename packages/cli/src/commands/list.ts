import type { ListAnswer } from '@specfleet/shared'
import { withFleet } from '../fleet/connect.ts'
import { type Column, renderTable } from '../render/table.ts'
import type { CommandContext, Outcome } from './context.ts'

export const LISTS = ['specs', 'runs', 'orchestrators', 'dead'] as const
export type List = (typeof LISTS)[number]

/** `specfleet list [specs|runs|orchestrators|dead]`. */
export async function list(
  what: List,
  flags: { json?: boolean; limit: string },
  { env, terminal }: CommandContext,
): Promise<Outcome> {
  const answer = await withFleet(env, (client) => client.list(what, Number(flags.limit)))
  if (flags.json === true) {
    terminal.printJson(answer[what] ?? [])
    return 0
  }
  const { columns, rows, empty } = tableOf(what, answer)
  if (rows.length === 0) terminal.print(empty)
  else
    for (const line of renderTable(columns, rows, { width: terminal.width, header: terminal.style.dim }))
      terminal.print(line)
  return 0
}

type Table = { columns: Column[]; rows: string[][]; empty: string }

function tableOf(what: List, answer: ListAnswer): Table {
  switch (what) {
    case 'specs':
      return {
        empty: 'no specs yet; `specfleet submit --spec FILE` brings one',
        columns: [
          { title: 'spec' },
          { title: 'state' },
          { title: 'phase' },
          { title: 'runs', align: 'right' },
          { title: 'turns', align: 'right' },
          { title: 'usd', align: 'right' },
          { title: 'title', flexible: true },
        ],
        rows: (answer.specs ?? []).map((spec) => [
          spec.specId,
          spec.paused ? `${spec.lifecycle} (paused)` : spec.lifecycle,
          spec.phase ?? '–',
          String(spec.runs),
          String(spec.usage.turns),
          spec.usage.usd === null ? 'unknown' : spec.usage.usd.toFixed(2),
          spec.title,
        ]),
      }
    case 'runs':
      return {
        empty: 'no runs yet',
        columns: [
          { title: 'run' },
          { title: 'spec' },
          { title: 'kind' },
          { title: 'state' },
          { title: 'epoch', align: 'right' },
          { title: 'owner' },
          { title: 'deaths', flexible: true },
        ],
        rows: (answer.runs ?? []).map((run) => [
          run.runId,
          run.specId,
          run.kind,
          run.outcome ?? run.state,
          String(run.epoch),
          run.owner ?? '–',
          run.causes.join(', ') || '–',
        ]),
      }
    case 'orchestrators':
      return {
        empty: 'no orchestrator is alive; `specfleet up` starts one',
        columns: [
          { title: 'orchestrator' },
          { title: 'busy', align: 'right' },
          { title: 'slots', align: 'right' },
          { title: 'state' },
          { title: 'since' },
          { title: 'engines', flexible: true },
        ],
        rows: (answer.orchestrators ?? []).map((one) => [
          one.id,
          String(one.busy),
          String(one.slots),
          one.draining ? 'draining' : 'taking work',
          one.startedAt,
          one.engines.map((engine) => withSickness(engine, one.sick)).join(', '),
        ]),
      }
    case 'dead':
      return {
        empty: 'no dead letters',
        columns: [
          { title: 'seq', align: 'right' },
          { title: 'at' },
          { title: 'reason' },
          { title: 'bytes', align: 'right' },
          { title: 'what was wrong', flexible: true },
        ],
        rows: (answer.dead ?? []).map((letter) => [
          String(letter.seq),
          letter.at,
          letter.reason,
          String(letter.bytes),
          letter.error.message,
        ]),
      }
  }
}

/** An engine that is given no work now is told with its reason. */
function withSickness(engine: string, sick: readonly { engine: string; reason: string }[]): string {
  const found = sick.find((one) => one.engine === engine)
  return found === undefined ? engine : `${engine} (sick: ${found.reason})`
}
