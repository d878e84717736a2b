/** Workers that wait in containers for the next runs, and what becomes of them. */
import { once } from 'node:events'
import { existsSync, watch } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { WAITING_WORKER } from '@specfleet/shared'
import type Docker from 'dockerode'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../packages/orchestrator/src/clock.ts'
import { readHandedOver } from '../../packages/orchestrator/src/providers/docker/warm/handed-over.ts'
import {
  allProcesses,
  descend,
  signalProcess,
} from '../../packages/orchestrator/src/providers/engine-folder/processes.ts'
import type { SandboxProvider } from '../../packages/orchestrator/src/providers/provider.ts'
import { openProvider } from '../../packages/orchestrator/src/providers/registry.ts'
import { findDocker, skipWithoutDocker, startDocker, type TestDocker } from '../../packages/testkit/src/docker.ts'
import { FLEET, requestFor } from '../../packages/testkit/src/provider-conformance.ts'
import { type PuppetBus, startPuppetBus } from '../../packages/testkit/src/puppet-bus.ts'
import { untilStopped } from '../../packages/testkit/src/stopped-process.ts'
import { ALWAYS_WARM, anyTurn, unhurried, WarmLog } from './always-warm.ts'
import { openElsewhere } from './distant-provider.ts'
import { type DockerSandboxes, openDockerSandboxes } from './docker-sandboxes.ts'

const never = new AbortController().signal
const { limits } = requestFor()

const parts = new AsyncDisposableStack()
const scene = {} as { docker: TestDocker; bus: PuppetBus; sandboxes: DockerSandboxes }
beforeAll(async () => {
  if ((await findDocker()).kind === 'none') return
  scene.docker = parts.use(await startDocker())
  scene.bus = parts.use(await startPuppetBus())
  scene.sandboxes = parts.use(await openDockerSandboxes(scene.docker, scene.bus.address))
}, 180_000)
afterAll(() => parts.disposeAsync())
beforeEach(skipWithoutDocker)
afterEach(async () => {
  if (scene.sandboxes === undefined) return
  await using provider = await scene.sandboxes.open()
  for (const { id } of await provider.list()) await provider.destroy(id)
})

type Warm = AsyncDisposable & {
  readonly provider: SandboxProvider
  readonly heard: WarmLog
  waiting(): Promise<Docker.ContainerInspectInfo>
}

/** A provider with so many workers that wait. */
async function openWarm({ floor = 1, clock = unhurried } = {}): Promise<Warm> {
  const heard = new WarmLog()
  const warm = { floor, ceiling: floor, limits, turn: anyTurn }
  const provider = await openProvider('docker', { ...scene.sandboxes.options, clock, log: heard.log, warm })
  return {
    provider,
    heard,
    async waiting() {
      await heard.until(() => heard.waiting(limits).length === floor)
      return scene.docker.client.getContainer(heard.waiting(limits)[0] ?? '').inspect()
    },
    [Symbol.asyncDispose]: () => provider[Symbol.asyncDispose](),
  }
}

/** Containers of the fleet, whatever they do. */
const containers = () =>
  scene.docker.client.listContainers({ all: true, filters: { label: [`specfleet.fleet=${FLEET}`] } })

/** Resolves when the engine has removed it. To be called before what makes it do so. */
async function removalOf(id: string): Promise<{ readonly removed: Promise<void> }> {
  const events = await scene.docker.client.getEvents({ filters: { container: [id], event: ['destroy'] } })
  const removed = once(events, 'data').then(() => {
    if (events instanceof Readable) events.destroy()
  })
  return { removed }
}

/** What the worker's process was started with, as the kernel has it. */
async function initialEnvironment(container: Docker.ContainerInspectInfo): Promise<string[]> {
  const { pid } = await workerIn(container)
  return (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0').toSorted()
}

/** The worker's own process, as the host counts. */
async function workerIn({ State }: Docker.ContainerInspectInfo) {
  const worker = descend(await allProcesses(), State.Pid, 1)
  if (worker === undefined) throw new Error('no worker runs in that container')
  return worker
}

/** Resolves when something of that name is in the folder. */
async function appears(folder: string, name: string): Promise<void> {
  using changes = new DisposableStack()
  const { promise, resolve } = Promise.withResolvers<void>()
  const watcher = watch(folder, (_, changed) => (changed === name ? resolve() : undefined))
  changes.defer(() => watcher.close())
  await promise
}

/** Resolves when the worker says that it has taken the run whose folder that is. */
async function untilTaken(folder: string): Promise<void> {
  const { containerId = '' } = (await readHandedOver(folder)) ?? {}
  const output = await scene.docker.client.getContainer(containerId).logs({ follow: true, stdout: true })
  for await (const said of output) if (String(said).includes(WAITING_WORKER.taken)) return
  throw new Error('it has ended without a word')
}

/** The process that carries the bus to the sandboxes in that folder. */
async function forwarderOf(root: string): Promise<number> {
  for (const { pid } of await allProcesses()) {
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
    if (words.some((word) => word.includes('forwarder-main')) && words.includes(join(root, 'wire'))) return pid
  }
  throw new Error('no forwarder runs')
}

describe('a worker that waits', () => {
  it('is used for one run, and then never again', async () => {
    await using warm = await openWarm()
    const first = await warm.waiting()
    const [one, other] = [requestFor(), requestFor()]
    expect(await warm.provider.create(one, never)).toEqual({ kind: 'running' })
    const second = await warm.waiting()
    expect(second.Id).not.toBe(first.Id)
    expect(await warm.provider.create(other, never)).toEqual({ kind: 'running' })
    const handedOver = warm.heard.all('warm.handed-over').map(({ sandboxId, container }) => [sandboxId, container])
    expect(handedOver).toEqual([
      [one.id, first.Name.slice(1)],
      [other.id, second.Name.slice(1)],
    ])
    for (const { id } of [one, other]) {
      const { hello } = await scene.bus.puppet(id)
      expect(hello.env.SANDBOX_ID).toBe(id)
      await warm.provider.destroy(id)
    }
    for (const { Id } of [first, second])
      await expect(scene.docker.client.getContainer(Id).inspect()).rejects.toMatchObject({ statusCode: 404 })
  })

  it('holds no credential, no connection and no name of a run', async () => {
    await using warm = await openWarm()
    const waiting = await warm.waiting()
    const { Labels, Env, Cmd } = waiting.Config
    const said = JSON.stringify([await initialEnvironment(waiting), Labels, Env, Cmd])
    for (const word of ['CREDS', 'specfleet.run', 'specfleet.spec', 'RUN_ID', 'TASK_ID'])
      expect(said).not.toContain(word)
    const wire = waiting.HostConfig.Mounts?.find(({ Target }) => Target === '/run/sf')?.Source ?? ''
    expect(await readdir(wire)).toEqual([])
    expect(await warm.provider.list()).toEqual([])
  })

  it('then finds the same in its environment as one that is started cold', async () => {
    const cold = requestFor()
    const late = { ...cold, ...requestFor() }
    await using started = await scene.sandboxes.open()
    await started.create(cold, never)
    await using warm = await openWarm()
    const waiting = await warm.waiting()
    await warm.provider.create(late, never)
    expect(warm.heard.all('warm.handed-over')).toHaveLength(1)
    const [one, other] = [await scene.bus.puppet(cold.id), await scene.bus.puppet(late.id)]
    expect(other.hello.environ).toEqual(one.hello.environ)
    expect(Object.keys(other.hello.env)).toEqual(Object.keys(one.hello.env))
    expect(other.hello.uid).toBe(one.hello.uid)
    const coldOne = await scene.docker.client.getContainer(`specfleet-${FLEET}-${cold.id}`).inspect()
    expect(await initialEnvironment(waiting)).toEqual(await initialEnvironment(coldOne))
  })

  it('that does not answer is removed, and the run is started cold', async () => {
    await using warm = await openWarm({ clock: systemClock })
    const suspect = await warm.waiting()
    const removal = await removalOf(suspect.Id)
    await signalProcess(await workerIn(suspect), 'SIGSTOP')
    const request = requestFor()
    expect(await warm.provider.create(request, never)).toEqual({ kind: 'running' })
    expect(warm.heard.all('warm.not-handed-over')).toMatchObject([{ sandboxId: request.id }])
    const puppet = await scene.bus.puppet(request.id)
    expect(puppet.hello.argv).not.toContain('--wait')
    await removal.removed
    expect((await warm.provider.list()).map(({ id }) => id)).toEqual([request.id])
    expect(await puppet.run('return 6 * 7')).toBe(42)
    await warm.provider.destroy(request.id)
    expect(existsSync(join(scene.sandboxes.root, 'sandboxes', request.id))).toBe(false)
  })

  it('that has died is missed by nobody, and made up for', async () => {
    await using warm = await openWarm()
    const first = await warm.waiting()
    await scene.docker.client.getContainer(first.Id).kill()
    await warm.heard.until(() => warm.heard.all('warm.lost').length === 1)
    expect((await warm.waiting()).Id).not.toBe(first.Id)
  })

  it('is dismissed when its image is another one now, and one of the new image waits', async () => {
    const { client } = scene.docker
    const name = 'warm-test:1'
    const { image: base = '' } = scene.sandboxes.options.docker
    const tag = (id: string) => client.getImage(id).tag({ repo: 'warm-test', tag: '1' })
    await tag(base)
    const heard = new WarmLog()
    await using provider = await openProvider('docker', {
      ...scene.sandboxes.options,
      docker: { ...scene.sandboxes.options.docker, image: name },
      warm: { floor: 1, ceiling: 1, limits, turn: anyTurn },
      clock: unhurried,
      log: heard.log,
    })
    await heard.until(() => heard.waiting(limits).length === 1)
    const [old = ''] = heard.waiting(limits)
    const made = await client.createContainer({ Image: base, Cmd: ['true'] })
    const { Id: changed } = await made.commit({ comment: 'another image' })
    await made.remove()
    await tag(changed)
    await heard.until(() => heard.all('warm.dismissed').some(({ container }) => container === old))
    await heard.until(() => heard.waiting(limits).length === 1)
    const { Image } = await client.getContainer(heard.waiting(limits)[0] ?? '').inspect()
    expect(Image).toBe(changed)
    const request = requestFor()
    await provider.create(request, never)
    expect(heard.all('warm.handed-over')).toHaveLength(1)
  })

  it('is drained with its provider, which leaves nothing', async () => {
    const warm = await openWarm({ floor: 2 })
    await warm.waiting()
    expect(await containers()).toHaveLength(2)
    await warm[Symbol.asyncDispose]()
    expect(await containers()).toEqual([])
    expect(await readdir(join(scene.sandboxes.root, 'sandboxes'))).toEqual([])
    expect(warm.heard.all('warm.lost')).toEqual([])
  })
})

describe('an orchestrator that is killed', () => {
  it('leaves none that waits, and what it had handed over is adopted', async () => {
    const maker = await openElsewhere(ALWAYS_WARM, scene.sandboxes.options)
    const request = requestFor()
    expect(await maker.create(request)).toEqual({ kind: 'running' })
    await maker.kill9()
    const heard = new WarmLog()
    await using next = await openProvider('docker', { ...scene.sandboxes.options, log: heard.log })
    await heard.until(() => heard.all('sandboxes.swept').length > 0)
    expect(await next.list()).toMatchObject([{ id: request.id, labels: request.labels, state: { kind: 'running' } }])
    const puppet = await scene.bus.puppet(request.id)
    expect(puppet.hello.argv).toContain('--wait')
    expect(await containers()).toHaveLength(1)
    const folders = await readdir(join(scene.sandboxes.root, 'sandboxes'))
    expect(folders).toEqual([request.id])
    await next.destroy(request.id)
    expect(await containers()).toEqual([])
  })

  it('in the middle of a hand-over leaves a sandbox that goes on, and is adopted', async () => {
    const { root, options } = scene.sandboxes
    // Its forwarder answers nobody: the hand-over stands still when the worker has been told, and has no way to the bus.
    await using keeper = await scene.sandboxes.open()
    const forwarder = await forwarderOf(root)
    using frozen = new DisposableStack()
    const maker = await openElsewhere(ALWAYS_WARM, options)
    const first = requestFor()
    await maker.create(first)
    process.kill(forwarder, 'SIGSTOP')
    frozen.defer(() => process.kill(forwarder, 'SIGCONT'))
    await untilStopped(forwarder)
    const request = requestFor()
    const standsStill = appears(join(root, 'sandboxes'), request.id)
    maker.create(request).catch(() => undefined)
    await standsStill
    await untilTaken(join(root, 'sandboxes', request.id))
    await maker.kill9()
    frozen.dispose()
    await using next = await scene.sandboxes.open()
    await scene.bus.puppet(request.id)
    expect((await next.inspect(request.id))?.state.kind).toBe('running')
    expect((await keeper.list()).map(({ id }) => id).toSorted()).toEqual([first.id, request.id].toSorted())
    for (const { id } of [first, request]) await next.destroy(id)
    expect(await containers()).toEqual([])
    expect(await readdir(join(root, 'sandboxes'))).toEqual([])
  })
})
