/** Sandboxes start their worker from a snapshot where one can be made of it, and from its source where not. */
import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WORKER_EXIT } from '@specfleet/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SandboxProvider, SandboxRequest } from '../../packages/orchestrator/src/providers/provider.ts'
import { SNAPSHOT_FILE } from '../../packages/orchestrator/src/providers/worker-command.ts'
import { skipWithoutDocker, startDocker } from '../../packages/testkit/src/docker.ts'
import { exitOf, reportOf, requestFor } from '../../packages/testkit/src/provider-conformance.ts'
import { openDockerSandboxes } from './docker-sandboxes.ts'
import { startProcessEngine } from './process-engine.ts'
import { shippedWorker } from './worker-process.ts'

const NO_BUS = '127.0.0.1:1'
const LIMIT_MS = 180_000

const parts = new AsyncDisposableStack()
let real: string
let unfit: string
beforeAll(async () => {
  real = parts.use(await shippedWorker()).path
  const folder = await mkdtemp(join(tmpdir(), 'specfleet-unfit-'))
  parts.defer(() => rm(folder, { recursive: true }))
  unfit = join(folder, 'worker.mjs')
  // What a snapshot has no place for: something of the system that is held open.
  const source = await readFile(real, 'utf8')
  await writeFile(unfit, source.replace('\n', '\nprocess.on("SIGUSR2", () => {})\n'))
})
afterAll(() => parts.disposeAsync())

/** A worker that is told nothing that it can use says so, however it was started. */
async function startOne(provider: SandboxProvider): Promise<SandboxRequest['id']> {
  const request = requestFor({ env: { SPEC_ID: 'orders' } })
  const exit = exitOf(provider, request.id)
  expect(await provider.create(request, new AbortController().signal)).toEqual({ kind: 'running' })
  await exit
  expect(await reportOf(provider, request.id)).toMatchObject({ code: WORKER_EXIT.configuration })
  return request.id
}

describe.each(['the worker', 'a worker that no snapshot can be made of'] as const)('%s', (which) => {
  const fit = which === 'the worker'

  it('starts as a process', async () => {
    await using engine = await startProcessEngine('process', NO_BUS, tmpdir(), fit ? real : unfit)
    await using provider = await engine.open()
    const system = join(engine.root, 'system')
    const [worker = ''] = readdirSync(system).filter((name) => name.startsWith('worker-'))
    expect(existsSync(join(system, worker, 'cache', SNAPSHOT_FILE))).toBe(fit)
    await provider.destroy(await startOne(provider))
  })

  it('starts in a container', { timeout: LIMIT_MS }, async (context) => {
    await skipWithoutDocker(context)
    await using docker = await startDocker()
    await using engine = await openDockerSandboxes(docker, NO_BUS, { workerBundle: fit ? real : unfit })
    await using provider = await engine.open()
    const id = await startOne(provider)
    const [container] = await docker.client.listContainers({ all: true, filters: { name: [id] } })
    const { Config } = await docker.client.getContainer(container?.Id ?? '').inspect()
    expect(Config.Cmd.includes('--snapshot-blob')).toBe(fit)
    await provider.destroy(id)
  })
})
