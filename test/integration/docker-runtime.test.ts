/** Containers by another runtime of the engine than its default one. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openProvider } from '../../packages/orchestrator/src/providers/registry.ts'
import { findDocker, skipWithoutDocker, startDocker, type TestDocker } from '../../packages/testkit/src/docker.ts'
import { GVISOR_ARGUMENTS, whyNoGvisor } from '../../packages/testkit/src/gvisor.ts'
import { exitOf, reportOf, requestFor } from '../../packages/testkit/src/provider-conformance.ts'
import { type PuppetBus, shellIn, startPuppetBus } from '../../packages/testkit/src/puppet-bus.ts'
import { type DockerSandboxes, openDockerSandboxes } from './docker-sandboxes.ts'

/** The engine's own program, under a name that only its configuration has; and one with a kernel of its own. */
const RUNTIMES = { other: { path: 'runc', runtimeArgs: [] }, runsc: { path: 'runsc', runtimeArgs: GVISOR_ARGUMENTS } }
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

  it("may be gVisor: sandboxes have a kernel that is not the host's, and its walls", async ({ skip }) => {
    const reason = await whyNoGvisor()
    if (reason !== undefined) skip(reason)
    const secret = `secret-${'x'.repeat(20)}`
    // Its own threads count, too, and it ends without a word where it gets no more.
    const request = requestFor({ env: { BUS_CREDS_B64: secret }, limits: { pids: 1_024 } })
    await using provider = await by('docker', 'runsc')
    expect(await provider.create(request, never)).toEqual({ kind: 'running' })
    const puppet = await bus.puppet(request.id)
    expect(puppet.hello.env.SANDBOX_ID).toBe(request.id)
    expect(await shellIn(puppet, 'dmesg')).toContain('gVisor')
    expect(await shellIn(puppet, 'touch /opt/mine /run/sf/mine 2>&1')).not.toMatch(/^$/)
    expect(await shellIn(puppet, 'ls /opt /run/sf')).not.toContain('mine')
    expect(await shellIn(puppet, `cat /proc/[0-9]*/environ | grep -c ${secret}`)).toMatch(/^0/)
    // A tool is no parent of the worker, so it may not trace it.
    expect(await shellIn(puppet, 'cat /proc/sys/kernel/yama/ptrace_scope')).toMatch(/^[1-3]/)
    const exited = exitOf(provider, request.id)
    puppet.start('process.exit(7)')
    await exited
    expect(await reportOf(provider, request.id)).toMatchObject({ code: 7, signal: null })
    await provider.destroy(request.id)
    expect(await sandboxes.remains(request.id)).toEqual([])
  })
})
