import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type Docker from 'dockerode'
import { executablesOnPath } from '../../cli/src/embedded/executable.ts'
import { clientAt, engineFiles, launch } from './docker-daemons.ts'
import { folderPrefix, removeAbandonedEngines, removeEngine } from './docker-remains.ts'
import { daemonPath, findDocker } from './docker-search.ts'

/** A real Podman that is asked as Docker is, in a temporary folder. Disposal leaves nothing on the host. */
export type TestPodman = AsyncDisposable & {
  /** `unix:///…` */
  readonly host: string
  readonly client: Docker
}

export type PodmanSearch =
  | { readonly kind: 'found'; readonly podman: string; readonly runtime: string; readonly init: string }
  | { readonly kind: 'none'; readonly reason: string }

/** Podman is tried by whoever asks for it: on a busy host it does not always tell how a container has ended. */
const WANTED = 'SPECFLEET_TEST_PODMAN'

/** It needs what Docker's tests need: their base image, and the init and the runtime that came with Docker. */
export async function findPodman(): Promise<PodmanSearch> {
  if (process.env[WANTED] !== '1') return none(`set ${WANTED}=1: Podman is not tried unless it is asked for`)
  const docker = await findDocker()
  if (docker.kind === 'none') return docker
  const find = async (name: string) => (await executablesOnPath(name, daemonPath()))[0]
  const [podman, conmon, runtime, init] = await Promise.all(['podman', 'conmon', 'runc', 'docker-init'].map(find))
  if (podman === undefined || conmon === undefined) return none('install podman: there is none here')
  if (runtime === undefined || init === undefined)
    return none('install runc and docker-init: Podman is tried with them')
  return { kind: 'found', podman, runtime, init }
}

const none = (reason: string): PodmanSearch => ({ kind: 'none', reason })

/**
 * Starts its service, and settles when it answers.
 * @throws Error with the reason when there is no Podman, or with its own words when it does not start
 */
export async function startPodman(): Promise<TestPodman> {
  const found = await findPodman()
  if (found.kind === 'none') throw new Error(found.reason)
  await removeAbandonedEngines()
  const files = engineFiles(await mkdtemp(folderPrefix()))
  const client = clientAt(files.socket)
  const configuration = join(files.root, 'containers.conf')
  const settings = [
    ...['[engine]', 'cgroup_manager = "cgroupfs"', 'events_logger = "file"'],
    ...['runtime = "runc"', `init_path = ${JSON.stringify(found.init)}`],
    ...['[engine.runtimes]', `runc = [${JSON.stringify(found.runtime)}]`],
  ]
  await writeFile(configuration, `${settings.join('\n')}\n`)
  const [storage, running, state] = [join(files.root, 'storage'), join(files.root, 'run'), join(files.root, 'libpod')]
  const daemon = await launch(files, {
    program: found.podman,
    args: [
      ...['--root', storage, '--runroot', running, '--tmpdir', state, '--storage-driver', 'overlay'],
      ...['--log-level', 'info'],
      ...['system', 'service', '--time=0', `unix://${files.socket}`],
    ],
    env: { CONTAINERS_CONF: configuration },
    ready: /API service listening on/,
  }).catch(async (error: unknown) => {
    await removeEngine(files)
    throw error
  })
  return {
    host: `unix://${files.socket}`,
    client,
    [Symbol.asyncDispose]: async () => {
      await removeEngine(files)
      await daemon.exited
    },
  }
}
