/**
 * What a sandbox may see, as arguments of bubblewrap. Pure: every path is given.
 *
 * 1. Namespaces of its own for users, processes, mounts, IPC, host name and network; none can be made inside.
 * 2. It sees the system's programs and folders of its own, and nothing else of the host.
 * 3. What it can write is memory of bounded size, and nothing of the host: its workspace ends with it.
 * 4. No argument and no variable here is a secret: other users of the host can read them.
 */

import { INSIDE, INSIDE_UID, insideEnvironment } from '../inside.ts'

/** A top-level folder of the host's system: a link in a merged `/usr`, or a folder. */
export type SystemEntry = { readonly path: string; readonly link?: string }

export type SharedPaths = {
  /** A copy of Node that may be executed but not read. */
  readonly node: string
  readonly bundle: string
  readonly compileCache: string
  readonly etc: string
}

export type BwrapPlan = {
  readonly bwrap: string
  readonly system: readonly SystemEntry[]
  readonly shared: SharedPaths
  readonly writableCache: boolean
  readonly wire: string
  readonly hostname: string
  readonly workspaceBytes: number
  /** Size of `/tmp`, of `/dev/shm` and of the home folder, each. */
  readonly scratchBytes: number
  readonly filterFd: number | undefined
  readonly program: readonly string[]
}

/**
 * Descriptor by which the worker inherits its environment; it closes it once it has read it. bwrap is given no
 * copy to make: what passes through its memory stays there, and a tool can read the memory of process 1.
 */
export const ENVIRONMENT_FD = 8

/** Small pieces of the host's `/etc` that programs break without; none of them names anybody. */
const ETC_OF_HOST = ['/etc/alternatives', '/etc/ld.so.cache'] as const
export const ETC_OF_OURS = {
  passwd: `root:x:0:0:root:/:/usr/sbin/nologin\nagent:x:${INSIDE_UID}:${INSIDE_UID}:agent:${INSIDE.home}:/bin/sh\n`,
  group: `root:x:0:\nagent:x:${INSIDE_UID}:\n`,
  hosts: '127.0.0.1 localhost sandbox\n::1 localhost\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
} as const

/** The command line of bubblewrap, its name first. */
export function bwrapArguments(plan: BwrapPlan): string[] {
  return [
    plan.bwrap,
    ...namespaces(plan.hostname),
    ...system(plan.system),
    ...Object.keys(ETC_OF_OURS).flatMap((name) => ['--ro-bind', `${plan.shared.etc}/${name}`, `/etc/${name}`]),
    ...ETC_OF_HOST.flatMap((path) => ['--ro-bind-try', path, path]),
    ...['--proc', '/proc', '--dev', '/dev'],
    ...memory('/dev/shm', plan.scratchBytes),
    ...memory('/tmp', plan.scratchBytes),
    ...memory(INSIDE.home, plan.scratchBytes),
    ...memory(INSIDE.workspace, plan.workspaceBytes),
    ...['--ro-bind', plan.shared.node, INSIDE.node],
    ...['--ro-bind', plan.shared.bundle, INSIDE.bundle],
    ...[plan.writableCache ? '--bind' : '--ro-bind', plan.shared.compileCache, INSIDE.compileCache],
    ...['--ro-bind', plan.wire, INSIDE.wire],
    // What is left is memory without a bound: the root itself, and the folder of devices.
    ...['--remount-ro', '/dev', '--remount-ro', '/'],
    ...['--chdir', INSIDE.workspace],
    '--clearenv',
    ...Object.entries(insideEnvironment(ENVIRONMENT_FD)).flatMap(([name, value]) => ['--setenv', name, value]),
    ...(plan.filterFd === undefined ? [] : ['--seccomp', String(plan.filterFd)]),
    '--',
    ...plan.program,
  ]
}

function namespaces(hostname: string): string[] {
  return [
    ...['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-net', '--unshare-cgroup-try'],
    '--disable-userns',
    ...['--uid', String(INSIDE_UID), '--gid', String(INSIDE_UID)],
    ...['--hostname', hostname],
    '--die-with-parent',
    // A terminal of the operator must not be within reach of TIOCSTI.
    '--new-session',
    ...['--cap-drop', 'ALL'],
  ]
}

/** A file system in memory, for the sandbox's user alone. */
const memory = (path: string, bytes: number): string[] => [
  ...['--perms', '0700', '--size', String(bytes), '--tmpfs', path],
]

const system = (entries: readonly SystemEntry[]): string[] =>
  entries.flatMap(({ path, link }) => (link === undefined ? ['--ro-bind', path, path] : ['--symlink', link, path]))
