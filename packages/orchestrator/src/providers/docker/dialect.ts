/**
 * In what engines that speak Docker's language differ, decided once for each. Pure.
 *
 * Podman takes the filter of system calls as a file, gives a file system in memory to whoever the container runs as,
 * makes further ones that can be written wherever the system is read-only, and raises the number of processes to one
 * that not every engine may allow itself. It passes over the runtime that a container asks for, and calls itself
 * something else each time it is asked.
 */
import { SpecfleetError } from '@specfleet/shared'
import { digest } from '../engine-folder/place.ts'
import type { ContainerUser } from './create-options.ts'

/** What an engine says of itself. */
export type EngineTold = {
  /** Of each part it is made of. */
  readonly components: readonly string[]
  readonly id: string
  /** Where it keeps its images and containers, on its host. */
  readonly folder: string
  /** Whether its root is a user of its host. */
  readonly rootless: boolean
  /** Names of the runtimes it is configured with. */
  readonly runtimes: readonly string[]
}

export type Dialect = {
  readonly name: 'Docker' | 'Podman'
  /** The same whenever that engine is asked. */
  readonly engine: string
  readonly filterAs: 'text' | 'file'
  /** Whose a file system in memory is, among its options. */
  owner(user: ContainerUser): string
  /** What it would make itself, and is kept from: file systems in memory, by where they are. */
  readonly closed: Readonly<Record<string, string>>
  /** Whether each container is told how many processes its user may have, over all containers. */
  readonly limitsUser: boolean
}

const PODMAN = 'Podman Engine'

/**
 * @param runtime another than the engine's own
 * @throws SpecfleetError `config.invalid` for a runtime that it would not use: what was asked for is not passed over;
 * `provider.unavailable`
 */
export function dialectOf(told: EngineTold, runtime: string | undefined): Dialect {
  return told.components.includes(PODMAN) ? ofPodman(told, runtime) : ofDocker(told, runtime)
}

function ofDocker({ id, runtimes }: EngineTold, runtime: string | undefined): Dialect {
  // By a name of this kind the engine finds a shim without having been told of it.
  if (runtime !== undefined && !runtimes.includes(runtime) && !runtime.startsWith('io.containerd.'))
    throw new SpecfleetError('config.invalid', `SPECFLEET_RUNTIME: the engine has no runtime ${runtime}`, {
      next: `use one of its own (${runtimes.join(', ')}), or add it to the runtimes in the engine's daemon.json`,
    })
  return {
    ...{ name: 'Docker', engine: `docker:${id}`, filterAs: 'text', closed: {}, limitsUser: false },
    owner: ({ uid, gid }) => `uid=${uid},gid=${gid}`,
  }
}

function ofPodman({ folder, rootless }: EngineTold, runtime: string | undefined): Dialect {
  if (runtime !== undefined)
    throw new SpecfleetError('config.invalid', 'SPECFLEET_RUNTIME: Podman passes over what a container asks for', {
      next: `leave it empty, and set runtime = "${runtime}" in the containers.conf of Podman's service`,
    })
  if (rootless)
    throw new SpecfleetError('provider.unavailable', 'sandboxes of a rootless Podman could not open their wire', {
      next: 'use the socket of a Podman that root runs, or another provider',
    })
  return {
    ...{ name: 'Podman', engine: `podman:${digest(folder)}`, filterAs: 'file', limitsUser: true },
    closed: { '/run': CLOSED, '/var/tmp': CLOSED },
    owner: () => 'U',
  }
}

const CLOSED = 'ro,nosuid,nodev,noexec,size=4096,mode=0755'
