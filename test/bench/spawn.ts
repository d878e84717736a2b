import { join } from 'node:path'
import { systemClock as clock } from '../../packages/orchestrator/src/clock.ts'
import { openLog } from '../../packages/orchestrator/src/log.ts'
import type { SandboxProvider } from '../../packages/orchestrator/src/providers/provider.ts'
import { openProvider } from '../../packages/orchestrator/src/providers/registry.ts'
import { bundleWorker } from '../../packages/sandbox-worker/bundle.ts'
import { bubblewrapPath } from '../../packages/testkit/src/bubblewrap.ts'
import type { Benchmark } from './benchmark.ts'
import { startFleet } from './fleet.ts'
import { interleave, timed } from './interleave.ts'
import { BARE_NODE, runToEnd } from './processes.ts'
import { spawnOnce } from './spawn-once.ts'
import { openStage, type Stage } from './stage.ts'

export const spawn: Benchmark = {
  name: 'spawn',
  about: 'a worker in a sandbox of the process provider, until its `ready` is on the bus',
  async run(signal) {
    await using stage = await openStage()
    const bwrap = await bubblewrapPath(signal)
    await using provider = await openEngine(stage, bwrap)
    await using fleet = await startFleet(stage, bwrap)
    const measured = await interleave(
      {
        queued: () => fleet.runPrompt('Say hello.').then(({ readyMs }) => readyMs),
        spawned: () => spawnOnce(stage, provider),
        bwrap: () => timed(() => runToEnd(bwrap, [...EVERYTHING_UNSHARED, process.execPath, ...BARE_NODE])),
        node: () => timed(() => runToEnd(process.execPath, BARE_NODE)),
      },
      { rounds: 12, warmUps: 2, signal },
    )
    const node = { name: 'node -e 0', summary: measured.node }
    const bare = { name: 'bwrap node -e 0', summary: measured.bwrap }
    return [
      { name: 'provider asked → ready', unit: 'ms', ours: measured.spawned, engine: node },
      { name: 'provider asked → ready', unit: 'ms', ours: measured.spawned, engine: bare },
      { name: 'task queued → ready', unit: 'ms', ours: measured.queued, engine: node },
      { name: 'task queued → ready', unit: 'ms', ours: measured.queued, engine: bare },
    ]
  },
}

const EVERYTHING_UNSHARED = ['--unshare-all', '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc'] as const

async function openEngine({ folder, nats }: Stage, bwrap: string): Promise<SandboxProvider & AsyncDisposable> {
  const workerBundle = join(folder, 'worker.mjs')
  await bundleWorker(workerBundle)
  return openProvider('process', {
    home: join(folder, 'engine'),
    fleet: 'bench',
    busAddresses: [`127.0.0.1:${nats.port}`],
    workerBundle,
    bwrapPath: bwrap,
    docker: { host: 'unix:///nowhere/docker.sock' },
    clock,
    log: openLog({ level: 'warn', now: clock.now, write: (line) => console.error(line) }),
  })
}
