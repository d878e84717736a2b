/**
 * What a container may do, as the engine is told. Pure: every path is given.
 *
 * 1. It has no network, no capability and no way to gain one; the system around its workspace is read-only.
 * 2. What it can write is memory of bounded size, charged to its own account.
 * 3. Its one wire is a folder with a socket. The folder is mounted, not the socket: a forwarder that was restarted
 *    makes a new socket, and a mounted file would stay the old one for ever.
 * 4. No variable, argument or label here is a secret: the engine shows them to whoever may ask it.
 * 5. What it leaves is kept until it is removed by us: never `AutoRemove`, which would take the evidence along.
 */
import type { ContainerCreateOptions } from 'dockerode'
import { INSIDE, insideEnvironment } from '../inside.ts'
import { MIB, withDisk } from '../limits.ts'
import type { SandboxRequest } from '../provider.ts'
import { workerCommand } from '../worker-command.ts'
import { writeIdentity } from './container.ts'
import type { Dialect } from './dialect.ts'
import type { HostPath, ProvenImage } from './image.ts'

export type ContainerUser = { readonly uid: number; readonly gid: number }

export type ContainerPlan = Omit<BodyPlan, 'limits'> & {
  readonly request: Pick<SandboxRequest, 'id' | 'labels' | 'limits'>
  /** Names the engine's folder, which holds the wire. */
  readonly folder: string
}

/** All of a container but whose it is. */
export type BodyPlan = {
  readonly limits: SandboxRequest['limits']
  readonly image: ProvenImage
  readonly user: ContainerUser
  /** The folder with the socket, on the host of the engine. */
  readonly wire: string
  /** What the engine takes otherwise than others do. */
  readonly dialect: Pick<Dialect, 'owner' | 'closed'>
  /** The filter of system calls, as that engine takes it. */
  readonly filter: string
  /** How many processes the user may have over all containers; `undefined` where that is the engine's own affair. */
  readonly userProcesses: number | undefined
  /** Cores of the engine's host: it refuses to give more than there are. */
  readonly cores: number
  /** Another runtime than the engine's own, such as gVisor's. */
  readonly runtime: string | undefined
  /** Flags that this Node knows. */
  readonly nodeFlags: ReadonlySet<string>
}

/** Where the worker's environment is waited for: it is written there once the container runs. */
const ENVIRONMENT_FD = 0
/** What of its output the engine keeps, over and over. */
const LOG = { Type: 'json-file', Config: { 'max-size': '1m', 'max-file': '3' } } as const
const SHARED_MEMORY_BYTES = MIB
const OPEN_FILES = 4096

export const createOptions = ({ request, folder, ...plan }: ContainerPlan) =>
  bodyOptions({ ...plan, limits: request.limits }, { labels: writeIdentity(request, folder) })

export type Purpose = {
  readonly labels: Record<string, string>
  /** Behind the worker's own command. */
  readonly workerArguments?: readonly string[]
  /** Instead of that. */
  readonly command?: readonly string[]
}

export function bodyOptions(plan: BodyPlan, { labels, workerArguments = [], command }: Purpose) {
  const { limits, image, user, wire, runtime, nodeFlags, userProcesses } = plan
  const { snapshot } = image
  const memory = withDisk(limits, true).memoryMb * MIB
  const environment = insideEnvironment(ENVIRONMENT_FD, image.path)
  return {
    Image: image.id,
    Labels: labels,
    Hostname: 'sandbox',
    User: `${user.uid}:${user.gid}`,
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    Entrypoint: [],
    Cmd: [...(command ?? workerCommand({ limits, nodeFlags, snapshot })), ...workerArguments],
    WorkingDir: INSIDE.workspace,
    Tty: false,
    // The worker reads its environment there; the engine closes it when whoever writes goes.
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    NetworkDisabled: true,
    HostConfig: {
      NetworkMode: 'none',
      IpcMode: 'private',
      Init: true,
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges', `seccomp=${plan.filter}`],
      Mounts: [...image.mounts, { from: wire, to: INSIDE.wire }].map(asMount),
      Tmpfs: { ...plan.dialect.closed, ...memoryFolders(limits, plan.dialect.owner(user)) },
      ShmSize: SHARED_MEMORY_BYTES,
      Memory: memory,
      MemorySwap: memory,
      NanoCpus: Math.round(Math.min(limits.cpus, plan.cores) * 1e9),
      PidsLimit: limits.pids,
      Ulimits: [
        { Name: 'nofile', Soft: OPEN_FILES, Hard: OPEN_FILES },
        { Name: 'core', Soft: 0, Hard: 0 },
        ...(userProcesses === undefined ? [] : [{ Name: 'nproc', Soft: userProcesses, Hard: userProcesses }]),
      ],
      LogConfig: LOG,
      RestartPolicy: { Name: 'no' },
      AutoRemove: false,
      ...(runtime === undefined ? {} : { Runtime: runtime }),
    },
  } satisfies ContainerCreateOptions
}

/**
 * Of this kind the engine makes no folder that is not there: one that is not of this host has none of ours, and is
 * refused what it cannot find.
 */
const asMount = ({ from, to, writable = false }: HostPath) =>
  ({ Type: 'bind', Source: from, Target: to, ReadOnly: !writable }) as const

/** File systems in memory; their pages count towards the container's limit. Programs are run only where they are built. */
function memoryFolders({ diskMb, memoryMb }: SandboxRequest['limits'], owner: string) {
  const bytes = (mb: number) => Math.round(mb * MIB)
  const own = `${owner},mode=0700`
  return {
    [INSIDE.workspace]: `rw,nosuid,nodev,exec,size=${bytes(diskMb)},${own}`,
    [INSIDE.home]: `rw,nosuid,nodev,exec,size=${bytes(memoryMb / 4)},${own}`,
    '/tmp': `rw,nosuid,nodev,noexec,size=${bytes(memoryMb / 4)},${own}`,
  }
}
