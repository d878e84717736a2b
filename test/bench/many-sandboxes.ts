/**
 * The same number of specs as `many`, planned by real workers in real sandboxes with the offline planner: what a
 * machine can do, and where its processors, not its slots, are what is short.
 */
import { exampleRepository } from '../../packages/cli/src/demo/example-repository.ts'
import { startOrchestrator } from '../../packages/cli/src/stack/orchestrator-process.ts'
import { bubblewrapPath } from '../../packages/testkit/src/bubblewrap.ts'
import type { Benchmark } from './benchmark.ts'
import { fleetEnvironment } from './fleet-environment.ts'
import { planMany } from './many-planned.ts'
import { openStage } from './stage.ts'

const NAME = 'many-sandboxes'
const SPECS = 200
const SLOTS_EACH = 8
const LONGEST_MS = 3_600_000

export const manySandboxes: Benchmark = {
  name: NAME,
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
    const terms = { name: NAME, specs: SPECS, slots: 2 * SLOTS_EACH, pids, source: repository.path, signal: limit }
    const { growth } = await planMany(stage, terms)
    return { growth }
  },
}
