import { readFile } from 'node:fs/promises'
import type { TestContext } from 'vitest'
import { executablesOnPath, formatVersion, versionOf } from '../../cli/src/embedded/executable.ts'
import { baseArchive } from './docker-base-image.ts'

export type FoundDocker = {
  readonly kind: 'found'
  readonly dockerd: string
  readonly containerd: string
  readonly version: string
}

export type DockerSearch = FoundDocker | { readonly kind: 'none'; readonly reason: string }

/** Programs that an engine of tests consists of, and the Debian package that brings each. */
const PROGRAMS = {
  dockerd: 'docker.io',
  containerd: 'docker.io',
  runc: 'docker.io',
  'docker-init': 'docker.io',
  mmdebstrap: 'mmdebstrap',
}

/** Where daemons are installed, on PATH or not. */
const DAEMON_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/usr/libexec/docker']

/** A PATH that has the daemons, and what they start in their turn. */
export const daemonPath = (): string => [process.env.PATH ?? '', ...DAEMON_FOLDERS].join(':')

/** Says why there is no engine, where whoever starts the tests found that out already or wants them without one. */
const NO_DOCKER = 'SPECFLEET_TEST_NO_DOCKER'

/**
 * Finds what an engine and its base image are made of. Makes the archive of the image where there is none yet, so
 * that tests which find an engine can count on it. The reason says what to do.
 */
export async function findDocker(report?: (line: string) => void): Promise<DockerSearch> {
  const told = process.env[NO_DOCKER]
  if (told !== undefined && told !== '') return { kind: 'none', reason: told }
  const search = await searchHost()
  if (search.kind === 'none') return search
  const archive = await baseArchive(report)
  return archive.kind === 'none' ? archive : search
}

/** Finds it once for all processes that this one starts from now on: none searches again where there is none. */
export async function findDockerForAll(report: (line: string) => void): Promise<DockerSearch> {
  const search = await findDocker(report)
  if (search.kind === 'none') process.env[NO_DOCKER] = search.reason
  return search
}

/** Skips that test, and says why, where no engine can be had. */
export async function skipWithoutDocker(context: TestContext): Promise<void> {
  const search = await findDocker()
  if (search.kind === 'none') context.skip(search.reason)
}

async function searchHost(): Promise<DockerSearch> {
  if (process.platform !== 'linux') return none('a Docker engine of tests needs Linux')
  if (process.getuid?.() !== 0) return none('run as root: only root can start a Docker engine')
  const path = daemonPath()
  const names = Object.keys(PROGRAMS)
  const files = new Map(
    await Promise.all(names.map(async (name) => [name, (await executablesOnPath(name, path))[0]] as const)),
  )
  const missing = Object.entries(PROGRAMS).filter(([name]) => files.get(name) === undefined)
  const [dockerd, containerd] = [files.get('dockerd'), files.get('containerd')]
  if (missing.length > 0 || dockerd === undefined || containerd === undefined) {
    const packages = [...new Set(missing.map(([, name]) => name))]
    return none(`install ${packages.join(' and ')}: there is no ${missing.map(([name]) => name).join(', no ')} here`)
  }
  const obstacle = await findObstacle()
  if (obstacle !== undefined) return none(obstacle)
  const version = await versionOf(dockerd, new AbortController().signal)
  if (version === undefined) return none(`install another docker.io: ${dockerd} does not run here`)
  return { kind: 'found', dockerd, containerd, version: formatVersion(version) }
}

/** What keeps even root from starting containers; `undefined` when nothing is known to. */
async function findObstacle(): Promise<string | undefined> {
  const [status, users, mounts] = await Promise.all(
    ['/proc/self/status', '/proc/self/uid_map', '/proc/self/mounts'].map((file) => readFile(file, 'utf8')),
  )
  if (!mayMount(status ?? '') || !isWholeHost(users ?? '')) {
    return 'run on the host or in a privileged container: root may not mount here, so no Docker engine can start'
  }
  return / cgroup2? /.test(mounts ?? '') ? undefined : 'install cgroupfs-mount: no control groups are mounted here'
}

const CAP_SYS_ADMIN = 21n

/** @param status text of `/proc/self/status` */
function mayMount(status: string): boolean {
  const held = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'
  return ((BigInt(`0x${held}`) >> CAP_SYS_ADMIN) & 1n) === 1n
}

/** Not so for the root of a user namespace. @param users text of `/proc/self/uid_map` */
const isWholeHost = (users: string): boolean => /^\s*0\s+0\s+4294967295\s*$/.test(users)

const none = (reason: string): DockerSearch => ({ kind: 'none', reason })
