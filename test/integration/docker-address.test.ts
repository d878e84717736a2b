/** An engine that is reached over TLS, and one of another host. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openProvider } from '../../packages/orchestrator/src/providers/registry.ts'
import { type Certificates, makeCertificates, whyNoCertificates } from '../../packages/testkit/src/certificates.ts'
import { baseImage, findDocker, startDocker, type TestDocker } from '../../packages/testkit/src/docker.ts'
import { exitOf, reportOf, requestFor } from '../../packages/testkit/src/provider-conformance.ts'
import { type PuppetBus, startPuppetBus } from '../../packages/testkit/src/puppet-bus.ts'
import { type DockerSandboxes, openDockerSandboxes } from './docker-sandboxes.ts'

const never = new AbortController().signal

describe('an engine with TLS', () => {
  const parts = new AsyncDisposableStack()
  let docker: TestDocker
  let bus: PuppetBus
  let sandboxes: DockerSandboxes
  let certificates: Certificates
  const whyNot = async () => {
    const search = await findDocker()
    return search.kind === 'none' ? search.reason : whyNoCertificates()
  }
  const open = ({ tlsHost }: TestDocker, how: { readonly certificates?: string; readonly home?: string }) => {
    const { options } = sandboxes
    const { home = options.home, ...certificates } = how
    const host = tlsHost ?? expect.unreachable('it does not listen')
    return openProvider('docker', { ...options, home, docker: { ...options.docker, ...certificates, host } })
  }

  beforeAll(async () => {
    if ((await whyNot()) !== undefined) return
    certificates = parts.use(await makeCertificates())
    docker = parts.use(await startDocker({ tls: certificates.server }))
    bus = parts.use(await startPuppetBus())
    sandboxes = parts.use(await openDockerSandboxes(docker, bus.address))
  }, 180_000)
  afterAll(() => parts.disposeAsync())
  beforeEach(async ({ skip }) => {
    const reason = await whyNot()
    if (reason !== undefined) skip(reason)
  })

  it('makes sandboxes, hears of their ends and keeps their last words, as one on a socket', async () => {
    await using provider = await open(docker, { certificates: certificates.client })
    const request = requestFor()
    expect(await provider.create(request, never)).toEqual({ kind: 'running' })
    const puppet = await bus.puppet(request.id)
    expect(puppet.hello.env.SANDBOX_ID).toBe(request.id)
    const exited = exitOf(provider, request.id)
    puppet.start('process.stdout.write("farewell\\n", () => process.exit(7))')
    await exited
    expect(await reportOf(provider, request.id)).toMatchObject({
      code: 7,
      logTail: expect.arrayContaining(['farewell']),
    })
    await provider.destroy(request.id)
    expect(await sandboxes.remains(request.id)).toEqual([])
  })

  it('is not used by who has no certificate, or one of another authority', async () => {
    await expect(open(docker, {})).rejects.toMatchObject({
      code: 'provider.unavailable',
      message: expect.stringContaining('without TLS'),
    })
    await using others = await makeCertificates()
    await expect(open(docker, { certificates: others.client })).rejects.toMatchObject({
      code: 'provider.unavailable',
      next: expect.stringContaining('certificates'),
    })
  })

  it('is refused when it is of another host, and makes nothing there', async () => {
    const home = await mkdtemp(join(tmpdir(), 'specfleet-unseen-'))
    await using distant = await startDocker({ tls: certificates.server, hides: home })
    await baseImage(distant)
    await expect(open(distant, { certificates: certificates.client, home })).rejects.toMatchObject({
      code: 'provider.unavailable',
      message: expect.stringContaining('another host'),
      next: expect.stringContaining('run an orchestrator'),
    })
    expect(await distant.client.listContainers({ all: true })).toEqual([])
    await rm(home, { recursive: true })
  })
})
