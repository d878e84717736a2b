import { type RunSummary, runOf, SpecfleetError, type SpecState } from '@specfleet/shared'
import { withFleet } from '../fleet/connect.ts'
import { replaySpec } from '../fleet/follow.ts'
import { planOf } from '../plan/export.ts'
import { headline } from '../render/headline.ts'
import { renderPlan } from '../render/plan.ts'
import { refusalsOf, renderRefusals } from '../render/refusals.ts'
import type { Style } from '../render/style.ts'
import { renderTable } from '../render/table.ts'
import type { CommandContext, Outcome } from './context.ts'

/** `specfleet show ID`: a spec with its runs, deaths, spending and plan, and what its sandboxes were refused. */
export async function show(id: string, flags: { json?: boolean }, { env, terminal }: CommandContext): Promise<Outcome> {
  const { state, runs } = await withFleet(env, async (client) => {
    const { specId } = await client.specOf(id)
    return await replaySpec(client, specId, { traces: false })
  })
  if (state === undefined) throw new SpecfleetError('spec.unknown', id)
  if (flags.json === true) {
    terminal.printJson({ spec: state, runs, refusals: refusalsOf(state) })
    return 0
  }
  for (const line of headLines(state, terminal.style)) terminal.print(line)
  for (const line of runLines(state, runs, terminal)) terminal.print(line)
  for (const line of renderRefusals(refusalsOf(state), terminal)) terminal.print(line)
  for (const line of renderPlan(planOf(state), terminal)) terminal.print(line)
  return 0
}

function headLines(state: SpecState, style: Style): string[] {
  const { usage } = state
  const spent = usage.usd === null ? 'cost unknown' : `${usage.usd.toFixed(4)} USD`
  const stage = state.lifecycle === 'scoping' ? `scoping, ${state.progress.phase}` : state.lifecycle
  const lines = [
    `${style.bold(state.title)}  ${style.dim(state.specId)}`,
    `${stage}${'paused' in state && state.paused ? ' (paused)' : ''} · revision ${state.revision} · ${usage.turns} turns · ${usage.toolCalls} tool calls · ${usage.inputTokens + usage.cacheReadTokens} tokens in, ${usage.outputTokens} out · ${spent}`,
  ]
  if ('reason' in state && state.reason !== undefined) lines.push(style.red(state.reason))
  if (state.lifecycle === 'awaiting-approval')
    lines.push(style.yellow(`${state.gate} waits for approval: specfleet approve ${state.specId}`))
  return lines
}

function runLines(state: SpecState, runs: readonly RunSummary[], layout: { style: Style; width: number }): string[] {
  if (runs.length === 0) return []
  const rows = runs.map((run) => {
    const view = runOf(state, run.runId)
    return [
      run.runId,
      run.kind,
      run.outcome ?? run.state,
      String(run.epoch),
      String(view?.usage.turns ?? 0),
      [run.causes.join(', '), headline(run.reason ?? '')].filter((text) => text !== '').join('; ') || '–',
    ]
  })
  const columns = [
    { title: 'run' },
    { title: 'kind' },
    { title: 'state' },
    { title: 'epoch', align: 'right' as const },
    { title: 'turns', align: 'right' as const },
    { title: 'deaths and reason', flexible: true },
  ]
  const lines = renderTable(columns, rows, { width: layout.width - 2, header: layout.style.dim })
  return ['', layout.style.bold('Runs'), ...lines.map((line) => `  ${line}`)]
}
