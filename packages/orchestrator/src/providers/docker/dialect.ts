/**
 * In what engines that speak Docker's language differ, decided once for each. Pure.
 *
 * Podman takes the filter of system calls as a file, gives a file system in memory to whoever the container runs as,
 * makes further ones that can be written wherever the system is read-only, and raises the number of processes to one
 * that not every engine may allow itself. It passes over the runtime that a container asks for, and calls itself
 * something else each time it is asked.
 */
import { SpecfleetError } from '@specfleet/shared'
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

/** @throws SpecfleetError `provider.unavailable` when it would not do as it is told */
export function dialectOf(told: EngineTold, runtime: string | undefined): Dialect {
  if (!told.components.includes(PODMAN))
    return {
      ...{ name: 'Docker', engine: `docker:${told.id}`, filterAs: 'text', closed: {}, limitsUser: false },
      owner: ({ uid, gid }) => `uid=${uid},gid=${gid}`,
    }
  if (runtime !== undefined)
    throw new SpecfleetError('provider.unavailable', `Podman would not run containers by ${runtime}: it is not asked`, {
      next: 'leave SPECFLEET_RUNTIME empty, and name the runtime in the containers.conf of its service',
    })
  if (told.rootless)
    throw new SpecfleetError('provider.unavailable', 'a sandbox of a rootless Podman could not open its wire', {
      next: 'use the socket of a Podman that root runs, or SPECFLEET_PROVIDER=process',
    })
  return {
    ...{ name: 'Podman', engine: `podman:${told.folder}`, filterAs: 'file', limitsUser: true },
    closed: { '/run': CLOSED, '/var/tmp': CLOSED },
    owner: () => 'U',
  }
}

const CLOSED = 'ro,nosuid,nodev,noexec,size=4096,mode=0755'
