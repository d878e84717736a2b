/** An engine of containers for tests of its provider, and what of a sandbox is left on it and on the host. */
import { readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type Docker from 'dockerode'
import { systemClock } from '../../packages/orchestrator/src/clock.ts'
import { type Log, openLog } from '../../packages/orchestrator/src/log.ts'
import { openProvider, type RegistryOptions } from '../../packages/orchestrator/src/providers/registry.ts'
import type { SandboxId } from '../../packages/shared/src/index.ts'
import { baseImage, type TestDocker } from '../../packages/testkit/src/docker.ts'
import type { DistantProvider, ProviderUnderTest } from '../../packages/testkit/src/provider-conformance.ts'
import { FLEET } from '../../packages/testkit/src/provider-conformance.ts'
import { PUPPET_BUNDLE } from '../../packages/testkit/src/puppet-bus.ts'
import { ALWAYS_WARM, openAlwaysWarm } from './always-warm.ts'
import { openElsewhere } from './distant-provider.ts'

const log: Log = openLog({ level: 'error', now: () => new Date(), write: (line) => process.stderr.write(`${line}\n`) })

export type DockerSandboxes = Omit<ProviderUnderTest, 'openElsewhere'> & {
  openElsewhere(): Promise<DistantProvider>
  readonly root: string
  readonly options: RegistryOptions
}

export type DockerSandboxesOptions = {
  readonly workerBundle?: string
  /** Every sandbox is to be a worker that waited. */
  readonly alwaysWarm?: boolean
}

export async function openDockerSandboxes(
  docker: Pick<TestDocker, 'client' | 'host'>,
  busAddress: string,
  { workerBundle = PUPPET_BUNDLE, alwaysWarm = false }: DockerSandboxesOptions = {},
): Promise<DockerSandboxes> {
  const { client, host } = docker
  const image = await baseImage(docker)
  const home = await mkdtemp(join(tmpdir(), 'specfleet-docker-'))
  const root = join(home, 'docker')
  const options: RegistryOptions = {
    home,
    fleet: FLEET,
    busAddresses: [busAddress],
    workerBundle,
    docker: { host, image },
    clock: systemClock,
    log,
  }
  return {
    root,
    options,
    open: () => (alwaysWarm ? openAlwaysWarm(options) : openProvider('docker', options)),
    openElsewhere: () => openElsewhere(alwaysWarm ? ALWAYS_WARM : 'docker', options),
    // What is made ahead of need comes and goes as it likes.
    remains: (id) => remainsOf(client, root, id, alwaysWarm ? '' : '.'),
    [Symbol.asyncDispose]: async () => {
      const left = await client.listContainers({ all: true, filters: { label: [`specfleet.fleet=${FLEET}`] } })
      await Promise.all(left.map(({ Id }) => client.getContainer(Id).remove({ force: true, v: true })))
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** Containers and folders that name the sandbox, and folders that are half made, which begin so. */
async function remainsOf(client: Docker, root: string, id: SandboxId, halfMade: string): Promise<string[]> {
  const containers = await client.listContainers({ all: true, filters: { name: [id] } })
  const folders = readdirSync(join(root, 'sandboxes')).filter(
    (name) => name === id || (halfMade !== '' && name.startsWith(halfMade)),
  )
  return [...containers.flatMap(({ Names }) => Names), ...folders]
}
