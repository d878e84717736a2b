import { chmod, mkdtemp } from 'node:fs/promises'
import type Docker from 'dockerode'
import type { Certificates } from './certificates.ts'
import { clientAt, type Daemon, engineFiles, launchContainerd, launchDockerd } from './docker-daemons.ts'
import { folderPrefix, removeAbandonedEngines, removeEngine } from './docker-remains.ts'
import { findDocker } from './docker-search.ts'
import { untilStopped } from './stopped-process.ts'

/** A real engine in a temporary folder, for one test or one file of tests. Disposal leaves nothing on the host. */
export type TestDocker = AsyncDisposable & {
  /** `unix:///…` */
  readonly host: string
  /** `tcp://…`, where it listens with TLS. */
  readonly tlsHost: string | undefined
  readonly socketPath: string
  readonly pid: number
  /** The folder that everything of it is in. */
  readonly root: string
  readonly client: Docker
  /** Kills dockerd and its containerd without warning and settles when both are gone. Containers go on by themselves. */
  kill9(): Promise<void>
  /**
   * Starts it again on the same data, killing it first if it still runs. It keeps running containers only with
   * `liveRestore`; otherwise it ends them as it starts.
   */
  restart(): Promise<void>
  /** Stops dockerd from being scheduled; clients see silence, not a closed connection. Settles when it is stopped. */
  freeze(): Promise<void>
  thaw(): void
  /** The same as disposal. */
  stop(): Promise<void>
}

export type TestDockerOptions = {
  /** Whether containers outlive the engine. */
  liveRestore?: boolean
  /** Puts something into its data folder before it starts for the first time. */
  fill?: (folder: string) => Promise<void>
  /** Makes it listen on 127.0.0.1 as well, for whoever has a certificate. */
  tls?: Certificates['server']
  /** A folder of this host that it does not see, as if it were on another. It cannot start containers then. */
  hides?: string
  /** Further runtimes, by name. */
  runtimes?: Readonly<Record<string, { readonly path: string; readonly runtimeArgs: readonly string[] }>>
}

/**
 * Starts an engine that has no network, and settles when it answers.
 * @throws Error with the reason when there is no Docker, or with the daemon's own words when it does not start
 */
export async function startDocker(options: TestDockerOptions = {}): Promise<TestDocker> {
  const found = await findDocker()
  if (found.kind === 'none') throw new Error(found.reason)
  await removeAbandonedEngines()
  const files = engineFiles(await mkdtemp(folderPrefix()))
  // A runtime that gives up being root looks for its temporary folder afterwards.
  await chmod(files.root, 0o711)
  const client = clientAt(files.socket)
  let daemons: readonly Daemon[] = []
  const signalAll = (how: NodeJS.Signals) => daemons.map((daemon) => daemon.signal(how))
  const exited = () => Promise.all(daemons.map((daemon) => daemon.exited))
  const kill9 = async () => {
    signalAll('SIGKILL')
    await exited()
  }
  const launch = async () => {
    daemons = [await launchContainerd(files, found)]
    daemons = [await launchDockerd(files, found, options), ...daemons]
    await client.ping()
  }
  const remove = async () => {
    await removeEngine(files)
    await exited()
  }
  try {
    await options.fill?.(files.data)
    await launch()
  } catch (error) {
    await remove()
    throw error
  }
  const dockerd = () => daemons[0]
  return {
    host: `unix://${files.socket}`,
    get tlsHost() {
      const listening = /API listen on (127\.0\.0\.1:\d+)/.exec(dockerd()?.said() ?? '')?.[1]
      return listening === undefined ? undefined : `tcp://${listening}`
    },
    socketPath: files.socket,
    root: files.root,
    client,
    get pid() {
      return dockerd()?.pid ?? 0
    },
    kill9,
    restart: async () => {
      await kill9()
      await launch()
    },
    freeze: async () => {
      const daemon = dockerd()
      if (daemon?.signal('SIGSTOP') === true) await untilStopped(daemon.pid)
    },
    thaw: () => void dockerd()?.signal('SIGCONT'),
    stop: remove,
    [Symbol.asyncDispose]: remove,
  }
}
