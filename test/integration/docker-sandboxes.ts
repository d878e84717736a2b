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
import { openElsewhere } from './distant-provider.ts'

const log: Log = openLog({ level: 'error', now: () => new Date(), write: (line) => process.stderr.write(`${line}\n`) })

export type DockerSandboxes = Omit<ProviderUnderTest, 'openElsewhere'> & {
  openElsewhere(): Promise<DistantProvider>
  readonly root: string
  readonly options: RegistryOptions
}

export async function openDockerSandboxes(
  docker: Pick<TestDocker, 'client' | 'host'>,
  busAddress: string,
  workerBundle = PUPPET_BUNDLE,
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
    open: () => openProvider('docker', options),
    openElsewhere: () => openElsewhere('docker', options),
    remains: (id) => remainsOf(client, root, id),
    [Symbol.asyncDispose]: async () => {
      const left = await client.listContainers({ all: true, filters: { label: [`specfleet.fleet=${FLEET}`] } })
      await Promise.all(left.map(({ Id }) => client.getContainer(Id).remove({ force: true, v: true })))
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** Containers and folders that name the sandbox, and folders that are half made. */
async function remainsOf(client: Docker, root: string, id: SandboxId): Promise<string[]> {
  const containers = await client.listContainers({ all: true, filters: { name: [id] } })
  const folders = readdirSync(join(root, 'sandboxes')).filter((name) => name === id || name.startsWith('.'))
  return [...containers.flatMap(({ Names }) => Names), ...folders]
}
