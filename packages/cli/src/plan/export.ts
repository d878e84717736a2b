import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SpecState } from '@specfleet/shared'
import type { Plan } from '../render/plan.ts'
import { planMarkdown } from '../render/plan-markdown.ts'

/** The outputs of a spec's completed phases. */
export function planOf({ results }: SpecState): Plan {
  return {
    ...(results.explore && { explore: results.explore.output }),
    ...(results.requirements && { requirements: results.requirements.output }),
    ...(results.design && { design: results.design.output }),
    ...(results.tasks && { tasks: results.tasks.output }),
    ...(results.sync && { sync: results.sync.output }),
  }
}

/**
 * Writes `plan.md`, `tickets.json` and one `<phase>.json` for each completed phase into
 * `folder`, which is made when it is not there. Returns the names of the files.
 */
export async function exportPlan(state: SpecState, folder: string): Promise<string[]> {
  const plan = planOf(state)
  await mkdir(folder, { recursive: true })
  const files = new Map<string, string>()
  for (const [phase, output] of Object.entries(plan)) files.set(`${phase}.json`, json(output))
  const tickets = Object.values(state.tickets)
  if (tickets.length > 0) files.set('tickets.json', json(tickets))
  files.set('plan.md', planMarkdown(state.title, plan))
  await Promise.all([...files].map(([name, text]) => writeFile(join(folder, name), text)))
  return [...files.keys()].sort()
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`
