import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { SpecfleetError } from '@specfleet/shared'
import type { Clock } from '../../clock.ts'
import type { Log } from '../../log.ts'
import { Semaphore } from '../../semaphore.ts'
import { Fifos } from '../engine-folder/fifos.ts'
import { folderName, isRoot, makeEngineFolders } from '../engine-folder/folder.ts'
import { engineLayout } from '../engine-folder/layout.ts'
import { digest, place, writeShared } from '../engine-folder/place.ts'
import { INSIDE_UID } from '../inside.ts'
import type { SandboxEvent, SandboxProvider } from '../provider.ts'
import { tellRefused } from '../tell-refused.ts'
import { openForwarder } from '../wire/forwarder.ts'
import { AskedImages } from './asked-images.ts'
import type { ContainerUser } from './create-options.ts'
import { type Dialect, dialectOf } from './dialect.ts'
import { DockerProvider } from './docker-provider.ts'
import type { Engine } from './engine.ts'
import { addressOf, type EngineChoice } from './engine-address.ts'
import { EngineClient, type EngineInfo } from './engine-client.ts'
import {
  defaultImage,
  findWorkerImage,
  type NodeAccess,
  placeWorker,
  type WorkerImage,
  workerVersion,
} from './image.ts'
import { seccompProfile } from './seccomp.ts'
import { isUnreadable, tryOut } from './try-out.ts'
import { type WarmOptions, WarmPool } from './warm/pool.ts'
import { WorkerImages } from './worker-images.ts'

export type DockerProviderOptions = EngineChoice & {
  /** The engine's folder on this host. Whoever opens a provider on it reaches the same sandboxes. */
  readonly root: string
  /** Marks this fleet's containers among those of the engine. */
  readonly fleet: string
  /** `host:port` of each server of the bus, as this host reaches it, best first. */
  readonly busAddresses: readonly string[]
  /** The worker, one file that needs nothing beside it. */
  readonly workerBundle: string
  /** Instead of the image that has this worker in it: with a toolchain, for instance. */
  readonly image?: string
  readonly runtime?: string
  /** Workers that wait, booted, for the next runs; none when it is not given. */
  readonly warm?: WarmOptions
  readonly clock: Clock
  readonly log: Log
}

/**
 * Disposal gives back what this process holds; containers go on, and so does their way to the bus.
 * @throws SpecfleetError `provider.unavailable` with the reason when no engine answers; `config.invalid` when it would
 * not use the runtime; `provider.image` when it has no image of the worker; `worker.bundle`; `provider.failed` when the
 * bus cannot be carried
 */
export async function openDockerProvider(options: DockerProviderOptions): Promise<SandboxProvider & AsyncDisposable> {
  try {
    return await openWith(options, 'execute-only')
  } catch (error) {
    if (options.runtime === undefined || !isUnreadable(error)) throw error
    options.log.info('runtime.reads-programs', { runtime: options.runtime })
    return openWith(options, 'readable')
  }
}

async function openWith(
  options: DockerProviderOptions,
  access: NodeAccess,
): Promise<SandboxProvider & AsyncDisposable> {
  const { fleet, clock, log, busAddresses } = options
  const client = new EngineClient(await addressOf(options), clock)
  const info = await whatItIs(client, options.host)
  const dialect = dialectOf(toldBy(info), options.runtime)
  const layout = engineLayout(resolve(options.root))
  await makeEngineFolders(layout)
  const worker = await placeWorker(layout.system, options.workerBundle, access)
  const version = workerVersion(await readFile(worker.bundle))
  const find = (name: string) => findWorkerImage(client, { name, version, worker })
  const name = options.image ?? defaultImage(version)
  const found = await find(name)
  const listeners = new Set<(event: SandboxEvent) => void>()
  const folder = await folderName(layout)
  await using opened = new AsyncDisposableStack()
  const fifos = opened.use(await Fifos.open(layout))
  const onRefused = tellRefused(listeners)
  const { sandboxes, wire: root } = layout
  const wire = opened.use(await openForwarder({ root, sandboxes, busAddresses, clock, log, onRefused }))
  const parts = {
    ...{ client, layout, fleet, folder, wire, fifos, clock, log, user: userOfSandboxes(), runtime: options.runtime },
    ...{ cores: info.NCPU, dialect, filter: await placeFilter(layout.system, dialect) },
    userProcesses: dialect.limitsUser ? await mostProcesses() : undefined,
  }
  // The containers of all trials of this process have one name.
  const trials = new Semaphore(1)
  const prove = (image: WorkerImage) => trials.run(() => tryOut({ ...parts, image }, worker))
  const images = new WorkerImages(await prove(found), { client, find: () => find(name), prove, log })
  const engine: Engine = {
    ...parts,
    get image() {
      return images.current
    },
  }
  const about = {
    engine: `${dialect.engine}:${folder}`.slice(0, 256),
    isolation: describe(dialect, info, options.runtime),
  }
  const asked = new AskedImages(async (name) => prove(await find(name)))
  const provider = new DockerProvider(engine, asked, about, listeners, images, openPool(engine, options.warm))
  await provider.start()
  // From here on it is the provider's.
  opened.move()
  return provider
}

const openPool = (engine: Engine, warm: WarmOptions | undefined): WarmPool | undefined =>
  warm === undefined || warm.ceiling === 0 ? undefined : new WarmPool(engine, warm)

async function whatItIs(client: EngineClient, host: string): Promise<EngineInfo> {
  try {
    const info = await client.info()
    if (info.OSType === 'linux') return info
    throw new SpecfleetError('provider.unavailable', `the engine at ${host} runs ${info.OSType} containers`)
  } catch (error) {
    if (error instanceof SpecfleetError && error.code !== 'provider.engine-gone') throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new SpecfleetError('provider.unavailable', `no Docker engine answers at ${host} (${reason})`, {
      cause: error,
      next: 'start Docker, set DOCKER_HOST, or choose another provider',
    })
  }
}

/** Made by root, sandboxes are a user that owns nothing; else they are whoever makes them, who alone can open their wire. */
const userOfSandboxes = (): ContainerUser =>
  isRoot()
    ? { uid: INSIDE_UID, gid: INSIDE_UID }
    : { uid: process.getuid?.() ?? INSIDE_UID, gid: process.getgid?.() ?? INSIDE_UID }

const toldBy = ({ components, ID: id, DockerRootDir: folder, Rootless: rootless, Runtimes }: EngineInfo) => ({
  ...{ components, id, folder, rootless },
  runtimes: Object.keys(Runtimes),
})

/** The filter of system calls, as the engine takes it. */
async function placeFilter(system: string, { filterAs }: Dialect): Promise<string> {
  const text = JSON.stringify(seccompProfile())
  if (filterAs === 'text') return text
  const path = join(system, `seccomp-${digest(text)}.json`)
  await place(path, (part) => writeShared(part, text))
  return path
}

/** As many as this process may have, and no more than there can be. */
async function mostProcesses(): Promise<number> {
  const [limits, most] = await Promise.all([
    readFile('/proc/self/limits', 'utf8'),
    readFile('/proc/sys/kernel/pid_max', 'utf8'),
  ])
  const own = /^Max processes +\S+ +(\d+)/m.exec(limits)?.[1]
  return Math.min(Number(own ?? most), Number(most))
}

function describe({ name }: Dialect, { ServerVersion }: EngineInfo, runtime: string | undefined): string {
  const by = runtime === undefined ? '' : ` by ${runtime}`
  return (
    `${name} ${ServerVersion}${by}: no network, no capability, read-only system, filtered system calls; ` +
    'limits of memory, processes, cpu, disk, output and wall clock'
  )
}
