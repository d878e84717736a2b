/** From what a sandbox is to the commands that start it. Pure. */
import { join, relative } from 'node:path'
import type { Hierarchies } from '../cgroup-layout.ts'
import { MIB } from '../limits.ts'
import type { Limits } from '../provider.ts'
import { bwrapArguments, ENVIRONMENT_FD } from './bwrap-arguments.ts'
import { type UidRange, uidOf } from './host-uid.ts'
import type { SandboxLayout } from './layout.ts'
import { FILTER_FD, STAGE } from './shim.ts'
import type { SystemFolder } from './system-folder.ts'

/** As whom a sandbox runs on the host: as its maker, or, made by root, as a user that nobody else is. */
export type HostIdentity = { readonly kind: 'maker' } | { readonly kind: 'own'; readonly uids: UidRange }

/** What holds sandboxes to their limits. */
export type Confiner =
  | { readonly kind: 'cgroup'; readonly hierarchies: Hierarchies }
  | { readonly kind: 'scope'; readonly uid: number }
  | { readonly kind: 'none'; readonly why: string }

export type IsolatedPlan = {
  readonly root: string
  readonly identity: HostIdentity
  readonly system: SystemFolder
  readonly sandbox: SandboxLayout
  readonly limits: Pick<Limits, 'memoryMb' | 'diskMb'>
  /** File with the environment, removed as soon as it is open; a trial has none. */
  readonly envFile: string | undefined
  /** Where the compile cache is while it is being made; it is writable then. */
  readonly cacheInMaking?: string
  readonly program: readonly string[]
}

/** The command that makes the namespaces and runs the program in them, as a child of whoever runs it. */
export function isolatedCommand(plan: IsolatedPlan): string[] {
  const { identity, system, sandbox } = plan
  const seen = (path: string) => seenBy(identity, plan.root, path)
  const { node, bundle, compileCache, etc } = system.shared
  const bwrap = bwrapArguments({
    bwrap: seen(system.bwrap),
    system: system.entries,
    shared: {
      node: seen(node),
      bundle: seen(bundle),
      etc: seen(etc),
      compileCache: seen(plan.cacheInMaking ?? compileCache),
    },
    writableCache: plan.cacheInMaking !== undefined,
    wire: seen(sandbox.wire),
    hostname: 'sandbox',
    workspaceBytes: Math.round(plan.limits.diskMb * MIB),
    scratchBytes: Math.round((plan.limits.memoryMb / 4) * MIB),
    filterFd: system.filter === undefined ? undefined : FILTER_FD,
    program: plan.program,
  })
  const command = identity.kind === 'maker' ? bwrap : [...asUser(uidOf(identity.uids, sandbox.folder)), ...bwrap]
  return plan.envFile === undefined ? command : [...withEnvironment(plan.envFile), ...command]
}

const asUser = (uid: number): string[] => {
  const id = String(uid)
  return ['setpriv', '--reuid', id, '--regid', id, '--clear-groups', '--no-new-privs']
}

/** Opens the environment for the worker, with the rights of the maker, and takes it off the disk. */
const withEnvironment = (file: string): string[] => [
  ...['/bin/sh', '-c', `exec ${ENVIRONMENT_FD}< "$0" && rm -- "$0" && exec "$@"`, file],
]

/** A path under the engine's folder, as the sandbox's user reaches it. */
function seenBy(identity: HostIdentity, root: string, path: string): string {
  const inside = relative(root, path)
  if (identity.kind === 'maker' || inside.startsWith('..')) return path
  return join(STAGE, inside)
}

/** Runs a command where its mounts are seen by nobody else. */
export const UNSHARE = ['unshare', '--mount', '--propagation', 'slave'] as const

/** Starts the shim where its mounts are seen by nobody else, and inside the scope that limits it. */
export function shimCommand(shim: string, stage: string | undefined, scope: ScopePlan | undefined): string[] {
  const sh = ['/bin/sh', shim]
  const staged = stage === undefined ? sh : [...UNSHARE, ...sh]
  return scope === undefined ? staged : [...scopeCommand(scope), ...staged]
}

export type ScopePlan = { readonly unit: string; readonly limits: Limits }

export const scopeCommand = ({ unit, limits }: ScopePlan): string[] => [
  'systemd-run',
  ...['--user', '--scope', '--quiet', '--collect', `--unit=${unit}`],
  ...['-p', `MemoryMax=${Math.round(limits.memoryMb * MIB)}`, '-p', 'MemorySwapMax=0'],
  ...['-p', `TasksMax=${limits.pids}`, '-p', `CPUQuota=${Math.max(1, Math.round(limits.cpus * 100))}%`],
  '--',
]
