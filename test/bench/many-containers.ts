/**
 * Specs planned by real workers in containers of a real engine, many on few slots of one orchestrator: all of them
 * come to their plan, and behind them nothing is left on the engine or beside it.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { exampleRepository } from '../../packages/cli/src/demo/example-repository.ts'
import { startOrchestrator } from '../../packages/cli/src/stack/orchestrator-process.ts'
import { bundleWorker } from '../../packages/sandbox-worker/bundle.ts'
import { baseImage, startDocker, type TestDocker } from '../../packages/testkit/src/docker.ts'
import type { Benchmark } from './benchmark.ts'
import { fleetEnvironment } from './fleet-environment.ts'
import { planMany } from './many-planned.ts'
import { openStage } from './stage.ts'

const NAME = 'many-containers'
const SPECS = 50
const SLOTS = 8
const FLEET = 'many'
const LONGEST_MS = 1_800_000

export const manyContainers: Benchmark = {
  name: NAME,
  about: `${SPECS} example specs planned in containers, on ${SLOTS} slots of one orchestrator`,
  async run(signal) {
    await using stack = new AsyncDisposableStack()
    const stage = stack.use(await openStage())
    const docker = stack.use(await startDocker())
    const repository = stack.use(await exampleRepository())
    const workerBundle = join(stage.folder, 'worker.mjs')
    await bundleWorker(workerBundle)
    const fleet = await fleetEnvironment(stage)
    const env = {
      ...fleet,
      SPECFLEET_PROVIDER: 'docker',
      SPECFLEET_FLEET: FLEET,
      SPECFLEET_IMAGE: await baseImage(docker),
      SPECFLEET_SLOTS: String(SLOTS),
      DOCKER_HOST: docker.host,
      WORKER_BUNDLE: workerBundle,
      MODEL_UPSTREAM: 'offline',
    }
    const orchestrator = await startOrchestrator({ env, onLog: () => {}, signal })
    stack.defer(() => void orchestrator.kill('SIGKILL'))
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_MS)])
    const terms = { name: NAME, specs: SPECS, slots: SLOTS, pids: [orchestrator.pid], source: repository.path }
    const { growth, outcomes } = await planMany(stage, { ...terms, signal: limit })
    // The sandbox of the last one is removed behind its word; an orchestrator that has ended removes no more.
    orchestrator.kill('SIGTERM')
    await orchestrator.exited
    const left = await remains(docker, join(fleet.SPECFLEET_HOME, 'docker', 'sandboxes'))
    const row = (name: string, value: number, most: number) => ({
      ...{ name, unit: '', values: growth.sizes.map((size) => (size === 100 ? value : Number.NaN)) },
      limit: { size: 100, most },
    })
    const unplanned = SPECS - (outcomes.get('done') ?? 0)
    return {
      growth: {
        ...growth,
        rows: [...growth.rows, row('specs without a plan', unplanned, 0), row('left over', left, 0)],
      },
    }
  },
}

/** How many containers of the fleet the engine still has, and folders of them the host. */
async function remains({ client }: TestDocker, folder: string): Promise<number> {
  const containers = await client.listContainers({ all: true, filters: { label: [`specfleet.fleet=${FLEET}`] } })
  return containers.length + (await readdir(folder)).length
}
