import { join } from 'node:path'
import type { SandboxId } from '@specfleet/shared'
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
import { openStage, type Stage } from './stage.ts'
import { conceive, untilReady } from './worker-births.ts'

const LIMITS = { memoryMb: 512, diskMb: 512, cpus: 2, pids: 128, wallClockMinutes: 5, outputMb: 64 }

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

async function spawnOnce(stage: Stage, provider: SandboxProvider): Promise<number> {
  const birth = await conceive(stage)
  const expiresAt = new Date(Date.now() + 600_000).toISOString()
  const request = {
    id: birth.sandboxId,
    labels: { fleet: 'bench', ...birth.scope, expiresAt },
    env: birth.env,
    limits: LIMITS,
  }
  const created = () => provider.create(request, new AbortController().signal).then(expectRunning)
  try {
    return await untilReady(stage, birth, created)
  } finally {
    await remove(provider, birth.sandboxId)
    await stage.mint.revoke(birth.account)
  }
}

function expectRunning(created: Awaited<ReturnType<SandboxProvider['create']>>): void {
  if (created.kind === 'failed') throw new Error(`no sandbox: ${created.message}`)
}

async function remove(provider: SandboxProvider, id: SandboxId): Promise<void> {
  await provider.stop(id, 'kill')
  await provider.destroy(id)
}
