/** What becomes of containers when their engine, or who was making them, ends without warning. */
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SandboxEvent, SandboxProvider } from '../../packages/orchestrator/src/providers/provider.ts'
import { openProvider } from '../../packages/orchestrator/src/providers/registry.ts'
import {
  findDocker,
  skipWithoutDocker,
  startDocker,
  type TestDocker,
  type TestDockerOptions,
} from '../../packages/testkit/src/docker.ts'
import { exitOf, reportOf, requestFor } from '../../packages/testkit/src/provider-conformance.ts'
import { type PuppetBus, startPuppetBus } from '../../packages/testkit/src/puppet-bus.ts'
import { type DockerSandboxes, openDockerSandboxes } from './docker-sandboxes.ts'

const never = new AbortController().signal

/** An engine, a bus, and what is opened on them; nothing where no engine can be had. */
function onEngine(options: TestDockerOptions = {}) {
  const parts = new AsyncDisposableStack()
  const scene = {} as { docker: TestDocker; bus: PuppetBus; sandboxes: DockerSandboxes }
  beforeAll(async () => {
    if ((await findDocker()).kind === 'none') return
    scene.docker = parts.use(await startDocker(options))
    scene.bus = parts.use(await startPuppetBus())
    scene.sandboxes = parts.use(await openDockerSandboxes(scene.docker, scene.bus.address))
  }, 180_000)
  afterAll(() => parts.disposeAsync())
  beforeEach(skipWithoutDocker)
  return scene
}

/** Settles at the next event of that kind. Begin to wait before what causes it. */
const next = (provider: SandboxProvider, kind: SandboxEvent['kind']): Promise<void> =>
  new Promise((resolve) => {
    const watch = provider.watch((event) => {
      if (event.kind === kind) void watch[Symbol.asyncDispose]().then(resolve)
    })
  })

describe('an engine that lets containers live', () => {
  const scene = onEngine({ liveRestore: true })

  it('is killed and comes back: containers never noticed, and their exits are told', async () => {
    const { docker, bus, sandboxes } = scene
    await using provider = await sandboxes.open()
    const request = requestFor()
    await provider.create(request, never)
    const puppet = await bus.puppet(request.id)
    const gap = next(provider, 'gap')
    await docker.kill9()
    await gap
    expect(await puppet.run('return 6 * 7')).toBe(42)
    // What cannot be seen is not dead.
    await expect(provider.inspect(request.id)).rejects.toMatchObject({ code: 'provider.engine-gone', retryable: true })
    const back = next(provider, 'gap')
    await docker.restart()
    await back
    expect(await provider.inspect(request.id)).toMatchObject({ state: { kind: 'running' } })
    const exited = exitOf(provider, request.id)
    puppet.start('process.exit(9)')
    await exited
    expect(await reportOf(provider, request.id)).toMatchObject({ code: 9, signal: null })
    await provider.destroy(request.id)
    expect(await sandboxes.remains(request.id)).toEqual([])
  })

  it('keeps the exit of a container that ended while it was away', async () => {
    const { docker, bus, sandboxes } = scene
    await using provider = await sandboxes.open()
    const request = requestFor()
    await provider.create(request, never)
    const puppet = await bus.puppet(request.id)
    await docker.kill9()
    puppet.start('process.exit(17)')
    await puppet.gone
    const back = next(provider, 'gap')
    await docker.restart()
    await back
    expect(await reportOf(provider, request.id)).toMatchObject({ code: 17, signal: null })
    await provider.destroy(request.id)
  })
})

describe('an engine that takes containers along', () => {
  const scene = onEngine()

  it('is killed and comes back: who died with it is told as dead', async () => {
    const { docker, bus, sandboxes } = scene
    await using provider = await sandboxes.open()
    const request = requestFor()
    await provider.create(request, never)
    const puppet = await bus.puppet(request.id)
    const back = next(provider, 'gap').then(() => next(provider, 'gap'))
    await docker.restart()
    await puppet.gone
    await back
    expect((await provider.list()).find(({ id }) => id === request.id)?.state.kind).toBe('exited')
    await provider.destroy(request.id)
    expect(await sandboxes.remains(request.id)).toEqual([])
  })

  it('lists nothing that was left half made, makes it anew, and removes it when an orchestrator starts', async () => {
    const { docker, bus, sandboxes } = scene
    const request = requestFor()
    await using first = await sandboxes.open()
    const labels = await labelsOf(first, docker)
    const { image: Image = '' } = sandboxes.options.docker
    // As a maker leaves it that dies behind the making and before the start.
    const leave = (id: string) =>
      docker.client.createContainer({
        ...{ name: `specfleet-${request.labels.fleet}-${id}`, Image, Cmd: ['true'] },
        Labels: { ...labels, 'specfleet.sandbox': id, 'specfleet.run': request.labels.runId },
      })
    const left = await leave(request.id)
    expect(await first.list()).toEqual([])
    expect(await first.create(request, never)).toEqual({ kind: 'running' })
    expect((await bus.puppet(request.id)).hello.env.SANDBOX_ID).toBe(request.id)
    await expect(left.inspect()).rejects.toMatchObject({ statusCode: 404 })

    const another = await leave('of-somebody-who-died')
    await using second = await sandboxes.open()
    await removalOf(docker, another.id)
    await expect(another.inspect()).rejects.toMatchObject({ statusCode: 404 })
    expect((await second.list()).map(({ id }) => id)).toEqual([request.id])
    await second.destroy(request.id)
    expect(await sandboxes.remains(request.id)).toEqual([])
  })

  it('makes a container of the image that is asked for, and blames nobody else for one that it does not have', async () => {
    const { docker, bus, sandboxes } = scene
    const { image: Image = '' } = sandboxes.options.docker
    const [repo, tag] = ['specfleet-asked-for', '1']
    const base = await docker.client.createContainer({ Image, Cmd: ['true'] })
    await base.commit({ repo, tag })
    await base.remove()
    const asked = docker.client.getImage(`${repo}:${tag}`)
    await using provider = await sandboxes.open()
    try {
      const request = { ...requestFor(), image: `${repo}:${tag}` }
      expect(await provider.create(request, never)).toEqual({ kind: 'running' })
      expect((await bus.puppet(request.id)).hello.env.SANDBOX_ID).toBe(request.id)
      const [container] = await docker.client.listContainers({ all: true, filters: { name: [request.id] } })
      expect(container?.ImageID).toBe((await asked.inspect()).Id)
      await provider.destroy(request.id)
      const other = { ...requestFor(), image: 'nobody/has-this:1' }
      expect(await provider.create(other, never)).toMatchObject({
        kind: 'failed',
        code: 'task.image',
        retryable: false,
      })
      expect(await sandboxes.remains(other.id)).toEqual([])
    } finally {
      await asked.remove({ force: true })
    }
  })

  it('is refused with a sentence where it is not there, or lacks what it is to make containers of', async () => {
    const { sandboxes } = scene
    const { options } = sandboxes
    const open = (docker: Partial<typeof options.docker>) =>
      openProvider('docker', { ...options, docker: { ...options.docker, ...docker } })
    await expect(open({ host: 'unix:///nowhere/docker.sock' })).rejects.toMatchObject({
      code: 'provider.unavailable',
      next: expect.stringContaining('start Docker'),
    })
    await expect(open({ host: 'tcp://127.0.0.1:1' })).rejects.toMatchObject({
      code: 'provider.unavailable',
      next: expect.stringContaining('unix:///path'),
    })
    await expect(open({ image: 'nobody/has-this:1' })).rejects.toMatchObject({
      code: 'provider.image',
      next: expect.stringContaining('specfleet image build'),
    })
    await expect(open({ runtime: 'no-such-runtime' })).rejects.toMatchObject({ code: 'config.invalid' })
  })
})

/** Settles when the engine has told that the container is gone, be it before this is called. */
async function removalOf({ client }: TestDocker, id: string): Promise<void> {
  const events = await client.getEvents({ since: 1, filters: { event: ['destroy'], container: [id] } })
  await once(events, 'data')
  if (events instanceof Readable) events.destroy()
}

/** Those that the provider itself writes, taken from a sandbox of its own. */
async function labelsOf(provider: SandboxProvider, { client }: TestDocker): Promise<Record<string, string>> {
  const sample = requestFor()
  await provider.create(sample, never)
  const [container] = await client.listContainers({ all: true, filters: { name: [sample.id] } })
  await provider.destroy(sample.id)
  return container?.Labels ?? {}
}
