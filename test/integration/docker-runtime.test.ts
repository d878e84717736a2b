/** Containers by another runtime of the engine than its default one. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openProvider } from '../../packages/orchestrator/src/providers/registry.ts'
import { findDocker, skipWithoutDocker, startDocker, type TestDocker } from '../../packages/testkit/src/docker.ts'
import { requestFor } from '../../packages/testkit/src/provider-conformance.ts'
import { type PuppetBus, startPuppetBus } from '../../packages/testkit/src/puppet-bus.ts'
import { type DockerSandboxes, openDockerSandboxes } from './docker-sandboxes.ts'

/** The engine's own program, under a name that only its configuration has. */
const RUNTIMES = { other: { path: 'runc', runtimeArgs: [] } }
const never = new AbortController().signal

describe('a runtime of its own', () => {
  const parts = new AsyncDisposableStack()
  let docker: TestDocker
  let bus: PuppetBus
  let sandboxes: DockerSandboxes
  const by = (choice: 'docker' | 'auto', runtime: string) =>
    openProvider(choice, { ...sandboxes.options, docker: { ...sandboxes.options.docker, runtime } })

  beforeAll(async () => {
    if ((await findDocker()).kind === 'none') return
    docker = parts.use(await startDocker({ runtimes: RUNTIMES }))
    bus = parts.use(await startPuppetBus())
    sandboxes = parts.use(await openDockerSandboxes(docker, bus.address))
  }, 180_000)
  afterAll(() => parts.disposeAsync())
  beforeEach(skipWithoutDocker)

  it.each(['docker', 'auto'] as const)(
    'is not passed over by %s where the engine has none of that name',
    async (choice) => {
      await expect(by(choice, 'kata')).rejects.toMatchObject({
        code: 'config.invalid',
        message: expect.stringContaining('the engine has no runtime kata'),
        next: expect.stringContaining('other'),
      })
    },
  )

  it('runs sandboxes where the engine has it', async () => {
    await using provider = await by('docker', 'other')
    expect(provider.isolation).toContain('by other')
    const request = requestFor()
    expect(await provider.create(request, never)).toEqual({ kind: 'running' })
    await bus.puppet(request.id)
    const [container] = await docker.client.listContainers({ filters: { name: [request.id] } })
    const { HostConfig } = await docker.client.getContainer(container?.Id ?? '').inspect()
    expect(HostConfig.Runtime).toBe('other')
  })
})
