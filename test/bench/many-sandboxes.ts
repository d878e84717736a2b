/**
 * The same number of specs as `many`, planned by real workers in real sandboxes with the offline planner: what a
 * machine can do, and where its processors, not its slots, are what is short.
 */
import { readFile } from 'node:fs/promises'
import { openLog, openTaskQueue, parseFact, subjects } from '@specfleet/shared'
import { EXAMPLE_SPEC, exampleRepository } from '../../packages/cli/src/demo/example-repository.ts'
import { startOrchestrator } from '../../packages/cli/src/stack/orchestrator-process.ts'
import { bubblewrapPath } from '../../packages/testkit/src/bubblewrap.ts'
import type { Benchmark } from './benchmark.ts'
import { fleetEnvironment } from './fleet-environment.ts'
import { Settlements } from './many-settlements.ts'
import { residentMib } from './processes.ts'
import { openStage, type Stage } from './stage.ts'

const SPECS = 200
const SLOTS_EACH = 8
const PRIORITIES = ['high', 'normal', 'low'] as const
const LOOKS = [0, 25, 50, 75, 100]
const LONGEST_MS = 3_600_000

export const manySandboxes: Benchmark = {
  name: 'many-sandboxes',
  about: `${SPECS} example specs planned in real sandboxes, on ${2 * SLOTS_EACH} slots of two orchestrators`,
  async run(signal) {
    await using stack = new AsyncDisposableStack()
    const stage = stack.use(await openStage())
    const bwrap = await bubblewrapPath(signal)
    const repository = stack.use(await exampleRepository())
    const env = {
      ...(await fleetEnvironment(stage)),
      SPECFLEET_PROVIDER: 'process',
      SPECFLEET_SLOTS: String(SLOTS_EACH),
      BWRAP_PATH: bwrap,
      MODEL_UPSTREAM: 'offline',
    }
    const pids: number[] = []
    for (let count = 0; count < 2; count += 1) {
      const orchestrator = await startOrchestrator({ env, onLog: () => {}, signal })
      stack.defer(async () => {
        orchestrator.kill('SIGTERM')
        await orchestrator.exited
      })
      pids.push(orchestrator.pid)
    }
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_MS)])
    return await measure(stage, { pids, source: repository.path, signal: limit })
  },
}

type Terms = { readonly pids: readonly number[]; readonly source: string; readonly signal: AbortSignal }

async function measure(stage: Stage, { pids, source, signal }: Terms) {
  const text = await readFile(EXAMPLE_SPEC, 'utf8')
  const queue = await openTaskQueue(stage.bus)
  using settled = new Settlements(stage)
  await stage.bus.flush()
  const look = async () => Math.max(...(await Promise.all(pids.map((pid) => residentMib(pid)))).map((mib) => mib ?? 0))
  const resident = [await look()]
  const startedAt = performance.now()
  for (let n = 0; n < SPECS; n += 1) {
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
    await settled.reach((SPECS * share) / 100, signal)
    resident.push(await look())
  }
  const seconds = (performance.now() - startedAt) / 1_000
  const { outcomes, slotSeconds } = await readStory(stage, signal)
  console.error(`many-sandboxes: ${[...outcomes].map(([outcome, count]) => `${count} ${outcome}`).join(', ')}`)
  const row = (name: string, unit: string, value: number) => ({
    name,
    unit,
    values: [...LOOKS.slice(1).map(() => Number.NaN), value],
  })
  return {
    growth: {
      of: 'hundredths of the specs settled',
      sizes: LOOKS,
      rows: [
        { name: 'resident memory of an orchestrator', unit: 'MiB', values: resident },
        row('makespan', 's', seconds),
        row('slot time / slots', 's', slotSeconds / (2 * SLOTS_EACH)),
        row('specs planned', '/min', (SPECS / seconds) * 60),
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
