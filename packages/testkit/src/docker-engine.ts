import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { access, constants, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import Docker from 'dockerode'
import { baseImage } from './docker-base.ts'
import { processesOf, untilGone } from './leaks.ts'

/** A real engine with a data root and a socket of its own, for one file of tests. */
export type TestDocker = AsyncDisposable & {
  readonly client: Docker
  /** `unix:///path` */
  readonly host: string
  /** Debian with a shell and git, without Node. */
  readonly image: string
  readonly pid: number
  /** Kills the engine without warning and settles when it is gone. Containers go on only where it was told to let them live. */
  kill9(): Promise<void>
  /** Starts it again on the same data; what was asked of it settles when it answers. */
  restart(): Promise<void>
}

export type TestDockerOptions = {
  /** Whether containers outlive the engine. */
  readonly liveRestore?: boolean
}

const FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin']
const START_LIMIT_MS = 60_000
const LOOK_AGAIN_MS = 50

/** Why no engine can be had here, in one sentence that says what to install; `undefined` when one can. */
export async function noDocker(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'a Docker engine needs Linux'
  if (process.getuid?.() !== 0) return 'to start a Docker engine takes root'
  const needed = { dockerd: 'docker.io', mmdebstrap: 'mmdebstrap' }
  const missing = await Promise.all(
    Object.entries(needed).map(async ([program, name]) => ((await findProgram(program)) === undefined ? [name] : [])),
  )
  const packages = missing.flat()
  return packages.length === 0
    ? undefined
    : `install ${packages.join(' and ')}: there is no Docker engine to be had here`
}

async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of FOLDERS) {
    const path = join(folder, name)
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return path
  }
  return undefined
}

/**
 * Starts an engine without any network of its own: sandboxes have none. Disposal removes its containers and ends it.
 * @throws Error with the end of its log when it does not start
 */
export async function startDocker({ liveRestore = false }: TestDockerOptions = {}): Promise<TestDocker> {
  const dockerd = await findProgram('dockerd')
  if (dockerd === undefined) throw new Error((await noDocker()) ?? 'there is no dockerd')
  const root = await mkdtemp(join(tmpdir(), 'sf-docker-'))
  const socketPath = join(root, 'docker.sock')
  const client = new Docker({ socketPath })
  const launch = async () => {
    const started = launchIn(dockerd, root, socketPath, liveRestore)
    await untilItAnswers(client, started, root)
    return started
  }
  let engine = await launch()
  const end = async (how: NodeJS.Signals) => {
    if (engine.exitCode !== null || engine.signalCode !== null) return
    const exited = once(engine, 'exit')
    engine.kill(how)
    await exited
  }
  const remove = async () => {
    await end('SIGTERM')
    // A container that outlived the engine has a guardian of its own.
    for (const { pid } of processesOf(root)) endIfThere(pid)
    for (const { pid } of processesOf(root)) await untilGone(pid)
    await rm(root, { recursive: true, force: true, maxRetries: 20, retryDelay: LOOK_AGAIN_MS })
  }
  try {
    const image = await baseImage(client)
    return {
      client,
      host: `unix://${socketPath}`,
      image,
      get pid() {
        return engine.pid ?? 0
      },
      kill9: () => end('SIGKILL'),
      restart: async () => {
        await end('SIGKILL')
        engine = await launch()
      },
      async [Symbol.asyncDispose]() {
        if (engine.exitCode === null && engine.signalCode === null) await removeContainers(client)
        await remove()
      },
    }
  } catch (error) {
    await remove()
    throw error
  }
}

function launchIn(dockerd: string, root: string, socketPath: string, liveRestore: boolean): ChildProcess {
  const log = openSync(join(root, 'log'), 'a')
  try {
    const folders = ['--data-root', join(root, 'data'), '--exec-root', join(root, 'exec')]
    const network = ['--iptables=false', '--ip-forward=false', '--bridge=none']
    const rest = ['--host', `unix://${socketPath}`, '--pidfile', join(root, 'pid'), '--log-level', 'warn']
    const live = liveRestore ? ['--live-restore'] : []
    return spawn(dockerd, [...folders, ...network, ...rest, ...live], { stdio: ['ignore', log, log] })
  } finally {
    closeSync(log)
  }
}

/** No event tells that an engine listens; it is asked until it answers, or has ended. */
async function untilItAnswers(client: Docker, engine: ChildProcess, root: string): Promise<void> {
  const until = performance.now() + START_LIMIT_MS
  for (;;) {
    if (existsSync(join(root, 'docker.sock')) && (await answers(client))) return
    if (engine.exitCode !== null || performance.now() > until) {
      engine.kill('SIGKILL')
      const log = await readFile(join(root, 'log'), 'utf8')
      throw new Error(`dockerd does not start:\n${log.split('\n').slice(-10).join('\n')}`)
    }
    await pause(LOOK_AGAIN_MS)
  }
}

const answers = (client: Docker): Promise<boolean> =>
  client.ping().then(
    () => true,
    () => false,
  )

async function removeContainers(client: Docker): Promise<void> {
  const all = await client.listContainers({ all: true })
  await Promise.all(all.map(({ Id }) => client.getContainer(Id).remove({ force: true, v: true })))
}

function endIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
