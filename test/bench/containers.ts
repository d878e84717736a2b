import { once } from 'node:events'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type Docker from 'dockerode'
import { systemClock as clock } from '../../packages/orchestrator/src/clock.ts'
import { openLog } from '../../packages/orchestrator/src/log.ts'
import { openProvider } from '../../packages/orchestrator/src/providers/registry.ts'
import { bundleWorker } from '../../packages/sandbox-worker/bundle.ts'
import { baseImage, startDocker } from '../../packages/testkit/src/docker.ts'
import type { Benchmark } from './benchmark.ts'
import { interleave } from './interleave.ts'
import { ECHO, makeRaw, NODE, SLEEP, untilOutput } from './raw-containers.ts'
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
    const { client } = docker
    const measured = await interleave(
      {
        cold: () => spawnOnce(stage, provider),
        raw: () => untilOutput(client, image, ECHO),
        rawNode: () => untilOutput(client, image, NODE),
        told: () => tellOfDeath(stage, provider, (id) => client.getContainer(`specfleet-bench-${id}`).kill()),
        rawDeath: () => untilDeath(client, image),
      },
      { rounds: 12, warmUps: 2, signal },
    )
    const raw = { name: 'create + start → first output of a shell', summary: measured.raw }
    const node = { name: 'create + start → first output of Node', summary: measured.rawNode }
    const death = { name: 'kill → event of the engine', summary: measured.rawDeath }
    return [
      { name: 'provider asked → ready', unit: 'ms', ours: measured.cold, engine: node, ratioAtMost: COLD_AT_MOST },
      { name: 'provider asked → ready', unit: 'ms', ours: measured.cold, engine: raw },
      { name: 'killed → told', unit: 'ms', ours: measured.told, engine: death, atMost: TOLD_AT_MOST_MS },
    ]
  },
}

/** The engine alone: until it tells that a container died. */
async function untilDeath(client: Docker, image: string): Promise<number> {
  const container = await makeRaw(client, image, SLEEP)
  const filters = { event: ['die'], container: [container.id] }
  const events = await client.getEvents({ filters })
  try {
    await container.start()
    const told = once(events, 'data')
    const killedAt = performance.now()
    await container.kill()
    await told
    return performance.now() - killedAt
  } finally {
    if (events instanceof Readable) events.destroy()
    await container.remove({ force: true, v: true })
  }
}
