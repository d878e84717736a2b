import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type RunId, sandboxIdOf } from '@specfleet/shared'
import { EXAMPLE_SPEC, exampleRepository } from '../../packages/cli/src/demo/example-repository.ts'
import { engineLayout } from '../../packages/orchestrator/src/providers/engine-folder/layout.ts'
import { allProcesses, descend } from '../../packages/orchestrator/src/providers/engine-folder/processes.ts'
import { findJob, findShim } from '../../packages/orchestrator/src/providers/process/find-sandbox.ts'
import { sandboxLayout } from '../../packages/orchestrator/src/providers/process/layout.ts'
import { bubblewrapPath } from '../../packages/testkit/src/bubblewrap.ts'
import type { Benchmark } from './benchmark.ts'
import { type Fleet, startFleet } from './fleet.ts'
import { residentMib, startIdleNode } from './processes.ts'
import { openStage } from './stage.ts'
import { summarise } from './statistics.ts'

const ROUNDS = 2

export const memory: Benchmark = {
  name: 'memory',
  about: 'resident memory of an orchestrator, and of the worker that plans the example spec',
  async run(signal) {
    const bwrap = await bubblewrapPath(signal)
    await using repository = await exampleRepository()
    const text = await readFile(EXAMPLE_SPEC, 'utf8')
    const seen: Record<'node' | 'idle' | 'ready' | 'peak' | 'after', number[]> = {
      node: [],
      idle: [],
      ready: [],
      peak: [],
      after: [],
    }
    for (let round = 0; round < ROUNDS; round++) {
      signal.throwIfAborted()
      await using stage = await openStage()
      await using node = await startIdleNode()
      seen.node.push(await residentOf(node.pid))
      await using fleet = await startFleet(stage, bwrap)
      seen.idle.push(await residentOf(fleet.pid))
      const worker = await planOnce(fleet, { text, source: repository.path })
      seen.ready.push(worker.ready)
      seen.peak.push(worker.peak)
      seen.after.push(await residentOf(fleet.pid))
    }
    const engine = { name: 'idle node', summary: summarise(seen.node) }
    return [
      { name: 'orchestrator, idle, no run yet', unit: 'MiB', ours: summarise(seen.idle), engine },
      { name: 'orchestrator, idle, after a run', unit: 'MiB', ours: summarise(seen.after), engine },
      { name: 'worker, ready', unit: 'MiB', ours: summarise(seen.ready), engine },
      { name: 'worker, most while it planned', unit: 'MiB', ours: summarise(seen.peak), engine },
    ]
  },
}

async function residentOf(pid: number): Promise<number> {
  const mib = await residentMib(pid)
  if (mib === undefined) throw new Error(`process ${pid} is gone`)
  return mib
}

/** Looks at the worker whenever it states a fact; the kernel keeps the peak, so nothing in between is missed. */
async function planOnce(
  fleet: Fleet,
  spec: { text: string; source: string },
): Promise<{ ready: number; peak: number }> {
  let [ready, peak] = [Number.NaN, Number.NaN]
  let looking: Promise<void> = Promise.resolve()
  const look = async (type: string, runId: RunId) => {
    const pid = await workerOf(fleet, runId)
    if (pid === undefined) return
    if (type === 'run.ready') ready = (await residentMib(pid)) ?? ready
    peak = (await residentMib(pid, 'VmHWM')) ?? peak
  }
  await fleet.run({ kind: 'spec', text: spec.text, source: { git: spec.source } }, (type, runId) => {
    looking = looking.then(() => look(type, runId))
  })
  await looking
  return { ready, peak }
}

/** The worker inside the sandbox, as the host sees it. */
async function workerOf(fleet: Fleet, runId: RunId): Promise<number | undefined> {
  const sandbox = sandboxLayout(engineLayout(join(fleet.home, 'process')).sandboxes, sandboxIdOf(runId, 1))
  const shim = await findShim(sandbox)
  const job = shim === undefined ? undefined : await findJob(sandbox, shim)
  return job === undefined ? undefined : descend(await allProcesses(), job.pid, 3)?.pid
}
