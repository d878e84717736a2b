/**
 * What a fleet that died in the middle of many starts left on its engine: how soon the next orchestrator's provider
 * is there, how long it sweeps, and what a start takes meanwhile beside what it takes afterwards.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { RunId, SandboxId, SpecId } from '@specfleet/shared'
import { systemClock as clock } from '../../packages/orchestrator/src/clock.ts'
import { openLog } from '../../packages/orchestrator/src/log.ts'
import { containerName, writeIdentity } from '../../packages/orchestrator/src/providers/docker/container.ts'
import { folderName } from '../../packages/orchestrator/src/providers/engine-folder/folder.ts'
import { engineLayout } from '../../packages/orchestrator/src/providers/engine-folder/layout.ts'
import { openProvider } from '../../packages/orchestrator/src/providers/registry.ts'
import { bundleWorker } from '../../packages/sandbox-worker/bundle.ts'
import { baseImage, startDocker, type TestDocker } from '../../packages/testkit/src/docker.ts'
import type { Benchmark } from './benchmark.ts'
import { spawnOnce } from './spawn-once.ts'
import { openStage } from './stage.ts'
import { summarise } from './statistics.ts'

const LEFT = 1_000
const FLEET = 'bench'
const LIMITS = { memoryMb: 512, diskMb: 512, cpus: 1, pids: 128, wallClockMinutes: 5, outputMb: 64 }
const MAKERS = 4
const STARTS_AFTERWARDS = 8

export const leftovers: Benchmark = {
  name: 'leftovers',
  about: `the sweep of ${LEFT} containers that were never started, beside starts; measured only when it is named`,
  async run(signal) {
    await using stage = await openStage()
    await using docker = await startDocker()
    const image = await baseImage(docker)
    const workerBundle = join(stage.folder, 'worker.mjs')
    await bundleWorker(workerBundle)
    const home = join(stage.folder, 'engine')
    const swept = Promise.withResolvers<number>()
    let isSwept = false
    const write = (line: string) => {
      console.error(line)
      if (!line.includes('"sandboxes.swept"')) return
      isSwept = true
      swept.resolve(performance.now())
    }
    const options = {
      ...{ home, fleet: FLEET, busAddresses: [`127.0.0.1:${stage.nats.port}`], workerBundle, clock },
      docker: { host: docker.host, image },
      log: openLog({ level: 'info', now: clock.now, write }),
    }
    const before = await openProvider('docker', options)
    await before[Symbol.asyncDispose]()
    await leave(docker, image, join(home, 'docker'), signal)
    console.error(`leftovers: ${LEFT} made`)

    const startedAt = performance.now()
    await using provider = await openProvider('docker', options)
    const openedMs = performance.now() - startedAt
    const beside: number[] = []
    while (!isSwept) {
      signal.throwIfAborted()
      const startMs = await spawnOnce(stage, provider)
      if (!isSwept) beside.push(startMs)
    }
    const sweptMs = (await swept.promise) - startedAt
    const afterwards: number[] = []
    for (let n = 0; n < STARTS_AFTERWARDS; n += 1) afterwards.push(await spawnOnce(stage, provider))
    const row = (name: string, unit: string, value: number) => ({ name, unit, values: [value] })
    return {
      figures: [
        {
          ...{ name: 'provider asked → ready, beside the sweep', unit: 'ms', ours: summarise(beside) },
          engine: { name: 'the same afterwards', summary: summarise(afterwards) },
        },
      ],
      growth: {
        of: 'leftovers',
        sizes: [LEFT],
        rows: [
          row('provider opened', 'ms', openedMs),
          row('all swept', 's', sweptMs / 1_000),
          row('starts meanwhile', '', beside.length),
        ],
      },
    }
  },
}

/** As makers leave it that die behind the making and before the start. */
async function leave({ client }: TestDocker, Image: string, root: string, signal: AbortSignal): Promise<void> {
  const layout = engineLayout(root)
  const folder = await folderName(layout)
  const labels = {
    ...{ fleet: FLEET, specId: SpecId.parse('left'), runId: RunId.parse('left'), epoch: 1 },
    expiresAt: new Date(0).toISOString(),
  }
  let next = 0
  const make = async () => {
    while (next < LEFT) {
      signal.throwIfAborted()
      const id = SandboxId.parse(`left-${next++}`)
      const Labels = writeIdentity({ id, labels, limits: LIMITS }, folder)
      await client.createContainer({ name: containerName(FLEET, id), Image, Cmd: ['true'], Labels })
      await mkdir(join(layout.sandboxes, id))
    }
  }
  await Promise.all(Array.from({ length: MAKERS }, make))
}
