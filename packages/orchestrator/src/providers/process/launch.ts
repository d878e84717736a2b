/** From what a sandbox is to the commands that start it. Pure. */
import { join, relative } from 'node:path'
import type { Limits } from '../provider.ts'
import { bwrapArguments, INSIDE } from './bwrap-arguments.ts'
import type { Hierarchies } from './cgroup-layout.ts'
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

/** Fewer, and Node waits for its own threads for ever, without a word. */
export const LEAST_PIDS = 64
/** Fewer, and Node does not start. */
export const LEAST_MEMORY_MB = 64

const MIB = 1024 * 1024

/** V8 does not see the limit by itself; a quarter is left for what is not its heap. */
export function workerFlags(limits: Limits, supported: ReadonlySet<string>): string[] {
  const flags = [`--max-old-space-size=${Math.floor(limits.memoryMb * 0.75)}`]
  // SIGUSR1 would open the inspector, and with it the worker's memory, to any tool in the sandbox.
  if (supported.has('--disable-sigusr1')) flags.push('--disable-sigusr1')
  return flags
}

export const wallClockSeconds = (limits: Limits): number => Math.max(1, Math.ceil(limits.wallClockMinutes * 60))

export type IsolatedPlan = {
  readonly root: string
  readonly identity: HostIdentity
  readonly system: SystemFolder
  readonly sandbox: SandboxLayout
  readonly memoryMb: number
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
    workspace: seen(sandbox.workspace),
    birth: seen(sandbox.birth),
    home: seen(sandbox.home),
    wire: seen(sandbox.wire),
    hostname: 'sandbox',
    tmpBytes: Math.round((plan.memoryMb / 4) * MIB),
    filterFd: system.filter === undefined ? undefined : FILTER_FD,
    program: plan.program,
  })
  if (identity.kind === 'maker') return bwrap
  const owner = String(uidOf(identity.uids, sandbox.folder))
  return ['setpriv', '--reuid', owner, '--regid', owner, '--clear-groups', '--no-new-privs', ...bwrap]
}

/** A path under the engine's folder, as the sandbox's user reaches it. */
function seenBy(identity: HostIdentity, root: string, path: string): string {
  const inside = relative(root, path)
  if (identity.kind === 'maker' || inside.startsWith('..')) return path
  return join(STAGE, inside)
}

export const isolatedWorker = (limits: Limits, supported: ReadonlySet<string>): string[] => [
  INSIDE.node,
  ...workerFlags(limits, supported),
  INSIDE.bundle,
]

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
