/** Example specs planned by real workers with the offline planner, many on few slots: how long, and how well. */
import { readFile } from 'node:fs/promises'
import { openLog, openTaskQueue, parseFact, subjects } from '@specfleet/shared'
import { EXAMPLE_SPEC } from '../../packages/cli/src/demo/example-repository.ts'
import type { Growth } from './benchmark.ts'
import { Settlements } from './many-settlements.ts'
import { residentMib } from './processes.ts'
import type { Stage } from './stage.ts'

const PRIORITIES = ['high', 'normal', 'low'] as const
const LOOKS = [0, 25, 50, 75, 100]

export type PlanTerms = {
  /** Of the benchmark, for what is told meanwhile. */
  readonly name: string
  readonly specs: number
  /** Of all orchestrators together. */
  readonly slots: number
  /** The orchestrators. */
  readonly pids: readonly number[]
  /** Repository that the specs are about. */
  readonly source: string
  readonly signal: AbortSignal
}

/** How they ended, by outcome, beside the figures. */
export type Planned = { readonly growth: Growth; readonly outcomes: ReadonlyMap<string, number> }

export async function planMany(stage: Stage, terms: PlanTerms): Promise<Planned> {
  const { name: benchmark, specs, slots, pids, source, signal } = terms
  const text = await readFile(EXAMPLE_SPEC, 'utf8')
  const queue = await openTaskQueue(stage.bus)
  using settled = new Settlements(stage)
  await stage.bus.flush()
  const look = async () => Math.max(...(await Promise.all(pids.map((pid) => residentMib(pid)))).map((mib) => mib ?? 0))
  const resident = [await look()]
  const startedAt = performance.now()
  for (let n = 0; n < specs; n += 1) {
    const priority = PRIORITIES[n % PRIORITIES.length] ?? 'normal'
    const task = {
      kind: 'spec',
      text,
      source: { git: source },
      taskId: `spec-${n}`,
      projectId: `project-${n % 5}`,
      priority,
    }
    await queue.publish(subjects.task(priority, 'spec'), JSON.stringify(task))
  }
  for (const share of LOOKS.slice(1)) {
    await settled.reach((specs * share) / 100, signal)
    resident.push(await look())
  }
  const seconds = (performance.now() - startedAt) / 1_000
  const { outcomes, slotSeconds } = await readStory(stage, signal)
  console.error(`${benchmark}: ${[...outcomes].map(([outcome, count]) => `${count} ${outcome}`).join(', ')}`)
  const row = (name: string, unit: string, value: number) => ({
    name,
    unit,
    values: [...LOOKS.slice(1).map(() => Number.NaN), value],
  })
  return {
    outcomes,
    growth: {
      of: 'hundredths of the specs settled',
      sizes: LOOKS,
      rows: [
        { name: 'resident memory of an orchestrator', unit: 'MiB', values: resident },
        row('makespan', 's', seconds),
        row('slot time / slots', 's', slotSeconds / slots),
        row('specs planned', '/min', (specs / seconds) * 60),
      ],
    },
  }
}

/** How the runs ended, and how long their sandboxes had a slot: from `run.spawned` to `run.settled`. */
async function readStory({ bus }: Stage, signal: AbortSignal) {
  const outcomes = new Map<string, number>()
  const since = new Map<string, number>()
  let slotSeconds = 0
  const log = openLog(bus)
  const last = await log.lastSeq()
  for await (const batch of log.follow({ fromSeq: 1, signal })) {
    for (const entry of batch) {
      const parsed = parseFact(entry.value())
      if (parsed.kind !== 'fact') continue
      const { fact } = parsed
      const at = entry.at.getTime()
      if (fact.type === 'run.fenced') since.set(fact.runId, at)
      if (fact.type !== 'run.settled') continue
      slotSeconds += (at - (since.get(fact.runId) ?? at)) / 1_000
      outcomes.set(fact.data.outcome, (outcomes.get(fact.data.outcome) ?? 0) + 1)
    }
    if ((batch.at(-1)?.seq ?? 0) >= last) break
  }
  return { outcomes, slotSeconds }
}
