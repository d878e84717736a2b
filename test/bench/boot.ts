import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { insideEnvironment } from '../../packages/orchestrator/src/providers/inside.ts'
import { bundleWorker } from '../../packages/sandbox-worker/bundle.ts'
import type { Benchmark } from './benchmark.ts'
import { interleave, timed } from './interleave.ts'
import { BARE_NODE, runToEnd } from './processes.ts'
import { openStage, type Stage } from './stage.ts'
import { conceive, untilReady } from './worker-births.ts'

const { GLIBC_TUNABLES = '' } = insideEnvironment(0)

export const boot: Benchmark = {
  name: 'boot',
  about: "the worker's one file, unconfined, from the start of its process until its `ready` is on the bus",
  async run(signal) {
    await using stage = await openStage()
    const bundle = join(stage.folder, 'worker.mjs')
    const cache = join(stage.folder, 'compile-cache')
    await bundleWorker(bundle)
    await fillCache(bundle, cache)
    const fromSnapshot = ['--snapshot-blob', join(stage.folder, 'worker.snapshot')]
    await runToEnd(process.execPath, [...fromSnapshot, '--build-snapshot', bundle])
    const measured = await interleave(
      {
        snapshot: () => bootOnce(stage, [...fromSnapshot, bundle], { GLIBC_TUNABLES }),
        node: () => timed(() => runToEnd(process.execPath, BARE_NODE)),
        cached: () => bootOnce(stage, [bundle], { NODE_COMPILE_CACHE: cache }),
        uncached: () => bootOnce(stage, [bundle], {}),
      },
      { rounds: 25, warmUps: 2, signal },
    )
    const engine = { name: 'node -e 0', summary: measured.node }
    return [
      { name: 'process start → ready', unit: 'ms', ours: measured.snapshot, engine, ratioAtMost: 4 },
      { name: 'the same from its source, compiled before', unit: 'ms', ours: measured.cached, engine },
      { name: 'the same from its source alone', unit: 'ms', ours: measured.uncached, engine },
    ]
  },
}

/** As the provider makes it: by a worker that finds no environment, and ends. */
async function fillCache(bundle: string, cache: string): Promise<void> {
  const child = spawn(process.execPath, [bundle], { env: { NODE_COMPILE_CACHE: cache }, stdio: 'ignore' })
  await once(child, 'exit')
}

async function bootOnce(stage: Stage, program: readonly string[], env: Record<string, string>): Promise<number> {
  const birth = await conceive(stage)
  const workspace = join(stage.folder, birth.sandboxId)
  await mkdir(workspace)
  const wire = { BUS_URL: stage.nats.url, WORKSPACE: workspace }
  const { promise: exited, resolve } = Promise.withResolvers<unknown>()
  let end = (): void => resolve(undefined)
  try {
    return await untilReady(stage, birth, () => {
      const child = spawn(process.execPath, program, { env: { ...birth.env, ...wire, ...env }, stdio: 'ignore' })
      child.once('exit', resolve)
      end = () => void child.kill('SIGKILL')
    })
  } finally {
    end()
    await exited
    await stage.mint.revoke(birth.account)
  }
}
