import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, watch } from 'node:fs'
import { mkdir, open, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import Docker from 'dockerode'
import type { TestDockerOptions } from './docker-engine.ts'
import { daemonPath, type FoundDocker } from './docker-search.ts'

/** How long a daemon may take until it accepts clients, in milliseconds. */
const START_LIMIT_MS = 60_000

/** Where an engine keeps everything: nothing of it is elsewhere, but for control groups and sockets of shims. */
export type EngineFiles = {
  readonly root: string
  /** Images and containers. */
  readonly data: string
  readonly socket: string
  readonly containerdSocket: string
  readonly containerdState: string
  /** Parent of its containers' control groups in every hierarchy. */
  readonly cgroup: string
}

export const engineFiles = (root: string): EngineFiles => ({
  root,
  data: join(root, 'data'),
  socket: join(root, 'docker.sock'),
  containerdSocket: join(root, 'containerd.sock'),
  containerdState: join(root, 'containerd', 'state'),
  cgroup: basename(root),
})

/** The engine on that socket, whatever engine the environment names. */
export const clientAt = (socketPath: string): Docker => new Docker({ socketPath, host: '', protocol: 'http' })

/** A running daemon. */
export type Daemon = {
  readonly pid: number
  /** Settles when it has ended. */
  readonly exited: Promise<unknown>
  /** What it has logged so far. */
  said(): string
  /** Whether it was there to take the signal. */
  signal(how: NodeJS.Signals): boolean
}

/**
 * Containerd of its own: dockerd would use the host's, where that runs, and all engines of tests would meet in it.
 * Of its plugins those are off that leave something elsewhere on the host.
 */
export async function launchContainerd(files: EngineFiles, { containerd }: FoundDocker): Promise<Daemon> {
  const config = join(files.root, 'containerd.toml')
  const off = ['io.containerd.grpc.v1.cri', 'io.containerd.nri.v1.nri', 'io.containerd.internal.v1.opt']
  const lines = [
    'version = 2',
    `root = ${JSON.stringify(join(files.root, 'containerd', 'root'))}`,
    `state = ${JSON.stringify(files.containerdState)}`,
    `disabled_plugins = ${JSON.stringify(off)}`,
    '[grpc]',
    `address = ${JSON.stringify(files.containerdSocket)}`,
  ]
  await writeFile(config, `${lines.join('\n')}\n`)
  return launch(files, { program: containerd, args: ['--config', config], ready: /successfully booted/ })
}

/** An engine without any network: its containers have none, and it leaves that of the host alone. */
export async function launchDockerd(
  files: EngineFiles,
  { dockerd }: FoundDocker,
  { liveRestore = false, runtimes = {}, tls, hides }: TestDockerOptions,
): Promise<Daemon> {
  const config = join(files.root, 'daemon.json')
  const settings = {
    'data-root': files.data,
    'exec-root': join(files.root, 'exec'),
    pidfile: join(files.root, 'dockerd.pid'),
    hosts: [`unix://${files.socket}`, ...(tls === undefined ? [] : ['tcp://127.0.0.1:0'])],
    ...(tls === undefined ? {} : { tlsverify: true, tlscacert: tls.ca, tlscert: tls.cert, tlskey: tls.key }),
    group: 'root',
    containerd: files.containerdSocket,
    'live-restore': liveRestore,
    runtimes,
    'cgroup-parent': `/${files.cgroup}`,
    'exec-opts': ['native.cgroupdriver=cgroupfs'],
    bridge: 'none',
    iptables: false,
    'ip-forward': false,
    'log-level': 'info',
  }
  await writeFile(config, JSON.stringify(settings))
  await rm(settings.pidfile, { force: true })
  // the host's own configuration is not read when another is named
  const args = ['--config-file', config]
  const ready = tls === undefined ? /API listen on/ : /API listen on 127/
  if (hides === undefined) return launch(files, { program: dockerd, args, ready })
  const hide = 'mount -t tmpfs none "$1" && shift && exec "$@"'
  return launch(files, {
    program: 'unshare',
    args: ['--mount', 'sh', '-c', hide, 'sh', hides, dockerd, ...args],
    ready,
  })
}

type Launch = {
  readonly program: string
  /** Beside what this process has. */
  readonly env?: Readonly<Record<string, string>>
  readonly args: readonly string[]
  /** What it logs when it accepts clients: its socket is there before that. */
  readonly ready: RegExp
}

/** @throws Error with the daemon's own words when it ends or stalls before it accepts clients */
export async function launch({ root }: EngineFiles, { program, args, ready, env: more = {} }: Launch): Promise<Daemon> {
  const [name, temporary] = [basename(program), join(root, 'tmp')]
  const logFile = join(root, `${name}.log`)
  await mkdir(temporary, { recursive: true })
  const log = await open(logFile, 'w', 0o600)
  const watcher = watch(logFile)
  let timer: NodeJS.Timeout | undefined
  try {
    const env = { ...process.env, PATH: daemonPath(), TMPDIR: temporary, ...more }
    const child = spawn(program, args, { stdio: ['ignore', log.fd, log.fd], env, cwd: root })
    const { promise: accepts, resolve, reject } = Promise.withResolvers<void>()
    const look = () => (ready.test(readFileSync(logFile, 'utf8')) ? resolve() : undefined)
    timer = setTimeout(() => reject(new Error(`it took longer than ${START_LIMIT_MS} ms`)), START_LIMIT_MS)
    child.once('error', reject).once('exit', (code, signal) => reject(new Error(`it ended with ${code ?? signal}`)))
    watcher.on('change', look).on('error', reject)
    look()
    await accepts.catch((error: unknown) => {
      child.kill('SIGKILL')
      const [lastWords] = readFileSync(logFile, 'utf8').trim().split('\n').reverse()
      throw new Error(`${name} did not start: ${lastWords || 'it said nothing'}`, { cause: error })
    })
    return daemonOf(child, logFile)
  } finally {
    clearTimeout(timer)
    watcher.close()
    await log.close()
  }
}

function daemonOf(child: ChildProcess, logFile: string): Daemon {
  const isRunning = () => child.exitCode === null && child.signalCode === null
  return {
    pid: child.pid ?? 0,
    exited: isRunning() ? once(child, 'exit') : Promise.resolve(),
    said: () => readFileSync(logFile, 'utf8'),
    signal: (how) => isRunning() && child.kill(how),
  }
}
