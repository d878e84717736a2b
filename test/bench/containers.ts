import { once } from 'node:events'
import { join } from 'node:path'
import type Docker from 'dockerode'
import { systemClock as clock } from '../../packages/orchestrator/src/clock.ts'
import { openLog } from '../../packages/orchestrator/src/log.ts'
import { openProvider } from '../../packages/orchestrator/src/providers/registry.ts'
import { bundleWorker } from '../../packages/sandbox-worker/bundle.ts'
import { baseImage, startDocker } from '../../packages/testkit/src/docker.ts'
import type { Benchmark } from './benchmark.ts'
import { interleave, timed } from './interleave.ts'
import { BARE_NODE, runToEnd } from './processes.ts'
import { spawnOnce, tellOfDeath } from './spawn-once.ts'
import { openStage } from './stage.ts'

/** What a worker in a container may cost beside the container alone. */
const COLD_AT_MOST = 1.25
/** How soon an exit is seen. */
const TOLD_AT_MOST_MS = 100

export const containers: Benchmark = {
  name: 'containers',
  about: 'a worker in a container of a Docker engine, until its `ready` is on the bus; measured only when it is named',
  async run(signal) {
    await using stage = await openStage()
    await using docker = await startDocker()
    const image = await baseImage(docker)
    const workerBundle = join(stage.folder, 'worker.mjs')
    await bundleWorker(workerBundle)
    await using provider = await openProvider('docker', {
      home: join(stage.folder, 'engine'),
      fleet: 'bench',
      busAddresses: [`127.0.0.1:${stage.nats.port}`],
      workerBundle,
      docker: { host: docker.host, image },
      clock,
      log: openLog({ level: 'warn', now: clock.now, write: (line) => console.error(line) }),
    })
    const measured = await interleave(
      {
        cold: () => spawnOnce(stage, provider),
        raw: () => runRaw(docker.client, image),
        told: () => tellOfDeath(stage, provider, (id) => docker.client.getContainer(`specfleet-bench-${id}`).kill()),
        node: () => timed(() => runToEnd(process.execPath, BARE_NODE)),
      },
      { rounds: 12, warmUps: 2, signal },
    )
    const raw = { name: 'create + start → first output', summary: measured.raw }
    const node = { name: 'node -e 0', summary: measured.node }
    return [
      { name: 'provider asked → ready', unit: 'ms', ours: measured.cold, engine: raw, ratioAtMost: COLD_AT_MOST },
      { name: 'provider asked → ready', unit: 'ms', ours: measured.cold, engine: node },
      { name: 'killed → told', unit: 'ms', ours: measured.told, engine: raw, atMost: TOLD_AT_MOST_MS },
    ]
  },
}

/** The engine alone, with the same image: until something is heard of the container. */
async function runRaw(client: Docker, image: string): Promise<number> {
  const startedAt = performance.now()
  const container = await client.createContainer({
    ...{ Image: image, Cmd: ['echo', 'here'], NetworkDisabled: true, AttachStdout: true },
    HostConfig: { NetworkMode: 'none', Init: true },
  })
  try {
    const output = await container.attach({ stream: true, stdout: true })
    const heard = once(output, 'data')
    await container.start()
    await heard
    return performance.now() - startedAt
  } finally {
    await container.remove({ force: true, v: true })
  }
}
