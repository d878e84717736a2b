/** Whether sandboxes can be isolated on this host, and everything that takes. */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chown, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { EngineLayout } from '../engine-folder/layout.ts'
import { exists, makeFolder, place, takeOver } from '../engine-folder/place.ts'
import { INSIDE } from '../inside.ts'
import { SNAPSHOT_COMMAND, SNAPSHOT_FILE, workerCommand } from '../worker-command.ts'
import { findBwrap, findIdentity, PROGRAM_PATH, type Refusal } from './host-abilities.ts'
import { uidOf } from './host-uid.ts'
import { type HostIdentity, type IsolatedPlan, isolatedCommand, UNSHARE } from './launch.ts'
import { folderLayout, type SandboxLayout } from './layout.ts'
import { FILTER_FD, STAGE } from './shim.ts'
import { makeSystemFolder, type SystemFolder } from './system-folder.ts'

const run = promisify(execFile)

export type Isolation = {
  readonly identity: HostIdentity
  readonly system: SystemFolder
  /** Whether workers start from a snapshot. */
  readonly snapshot: boolean
}

type Sharing = Omit<Isolation, 'snapshot'>

const TRIAL_LIMITS = { memoryMb: 512, diskMb: 16, cpus: 1, pids: 64, wallClockMinutes: 1, outputMb: 1 }
const TRIAL_LIMIT_MS = 20_000

/** Makes ready what all isolated sandboxes share, and proves on a trial that this host can isolate; else why not. */
export async function prepareIsolation(
  layout: EngineLayout,
  options: { bundle: string; bwrapPath: string | undefined },
): Promise<Isolation | Refusal> {
  const bwrap = await findBwrap(options.bwrapPath)
  if ('reason' in bwrap) return bwrap
  const identity = await findIdentity()
  if ('reason' in identity) return identity
  const system = await makeSystemFolder(layout.system, options.bundle, bwrap.path)
  const sharing = { identity, system }
  return await inTrialFolder(layout, identity, async (sandbox) => {
    const refusal = await tryOut(layout, sharing, sandbox)
    if (refusal !== undefined) return refusal
    await warmUp(layout, sharing, sandbox)
    return { ...sharing, snapshot: await exists(join(system.shared.compileCache, SNAPSHOT_FILE)) }
  })
}

/** A sandbox's folder that is never listed. */
async function inTrialFolder<T>(
  layout: EngineLayout,
  identity: HostIdentity,
  use: (sandbox: SandboxLayout) => Promise<T>,
): Promise<T> {
  const sandbox = folderLayout(join(layout.sandboxes, `.trial-${randomUUID()}`))
  try {
    await makeFolder(sandbox.folder)
    await makeFolder(sandbox.wire, 0o700)
    await giveTo(identity, sandbox, sandbox.wire)
    return await use(sandbox)
  } finally {
    await rm(sandbox.folder, { recursive: true, force: true })
  }
}

/** Makes the sandbox's user the owner of a path. */
export async function giveTo(identity: HostIdentity, sandbox: SandboxLayout, path: string): Promise<void> {
  if (identity.kind === 'maker') return
  const owner = uidOf(identity.uids, sandbox.folder)
  await chown(path, owner, owner)
}

async function tryOut(layout: EngineLayout, sharing: Sharing, sandbox: SandboxLayout): Promise<Refusal | undefined> {
  // The cache is made after this, so any readable folder stands in for it.
  const cacheInMaking = sandbox.wire
  const program = [INSIDE.node, '--version']
  const complaint = await runInside(layout, sharing, { ...plan(layout, sharing, sandbox), cacheInMaking, program })
  return complaint === undefined ? undefined : explainRefusal(complaint)
}

/** The kernel's words are about system calls; these are about what an operator can change. Pure. */
export function explainRefusal(complaint: string): Refusal {
  const said = complaint.trim().split('\n').at(-1) ?? ''
  const next = 'mend what it names, or choose process-unsafe by name'
  if (/new namespace|uid map|CLONE_NEWUSER|unshare failed/i.test(complaint)) {
    return {
      reason: `this host forbids user namespaces (${said})`,
      next: 'allow them (kernel.unprivileged_userns_clone, user.max_user_namespaces, or the AppArmor profile of bwrap), or choose process-unsafe by name',
    }
  }
  if (/mount proc|mounting proc/i.test(complaint)) {
    return { reason: `this host, itself a container, forbids a /proc of one's own (${said})`, next }
  }
  return { reason: `bubblewrap cannot isolate a process here (${said || 'it gave no reason'})`, next }
}

/**
 * Runs the worker once with nothing to do, so that its compiled code is there for every later start, and makes the
 * snapshot that it starts from; where it does not, there is none. It is the same user as inside every sandbox, since
 * the cache's folder is named after that. Later sandboxes may only read: one that could write would choose the code
 * of the next.
 */
async function warmUp(layout: EngineLayout, sharing: Sharing, sandbox: SandboxLayout): Promise<void> {
  const { identity, system } = sharing
  await place(system.shared.compileCache, async (cacheInMaking) => {
    await makeFolder(cacheInMaking, 0o700)
    await giveTo(identity, sandbox, cacheInMaking)
    const inside = (program: readonly string[]) =>
      runInside(layout, sharing, { ...plan(layout, sharing, sandbox), cacheInMaking, program })
    const start = { limits: TRIAL_LIMITS, nodeFlags: process.allowedNodeEnvironmentFlags }
    // Without an environment the worker refuses to work, in its own words.
    await inside(workerCommand({ ...start, snapshot: false }))
    await inside(SNAPSHOT_COMMAND)
    const complaint = await inside(workerCommand({ ...start, snapshot: true }))
    if (!isWorkers(complaint)) await rm(join(cacheInMaking, SNAPSHOT_FILE), { force: true })
    await takeOver(cacheInMaking)
  })
}

const isWorkers = (complaint = ''): boolean => /^specfleet-worker: /m.test(complaint)

const plan = (layout: EngineLayout, sharing: Sharing, sandbox: SandboxLayout) => ({
  root: layout.root,
  ...sharing,
  sandbox,
  limits: TRIAL_LIMITS,
  envFile: undefined,
})

/** As the shim does it, for a command that is waited for. Its complaint when it fails. */
async function runInside(
  layout: EngineLayout,
  { identity, system }: Sharing,
  command: IsolatedPlan,
): Promise<string | undefined> {
  const script = `exec ${FILTER_FD}< "$2"; [ -z "$1" ] || mount --rbind "$1" ${STAGE} || exit 71; shift 2; exec "$@"`
  const stage = stageOf(layout, identity)
  const [program = '', ...rest] = [
    ...(stage === undefined ? [] : UNSHARE),
    ...['/bin/sh', '-c', script, 'sh', stage ?? '', system.filter ?? '/dev/null'],
    ...isolatedCommand(command),
  ]
  try {
    await run(program, rest, { cwd: '/', env: { PATH: PROGRAM_PATH }, timeout: TRIAL_LIMIT_MS, killSignal: 'SIGKILL' })
    return undefined
  } catch (error) {
    return error instanceof Error && 'stderr' in error && error.stderr !== '' ? String(error.stderr) : String(error)
  }
}

/** The folder that must be bound to `STAGE` for the sandbox's user to reach it. */
export const stageOf = (layout: EngineLayout, identity: HostIdentity): string | undefined =>
  identity.kind === 'own' ? layout.root : undefined

/** What keeps sandboxes apart, in words. Pure. */
export function describeIsolation(isolation: Isolation | undefined): string {
  if (isolation === undefined) return 'no isolation: sandboxes can do what the orchestrator can'
  const filter = isolation.system.filter === undefined ? 'system calls not filtered' : 'filtered system calls'
  const user = isolation.identity.kind === 'own' ? ', a host user each' : ''
  return `bubblewrap: own user, process, mount, IPC and network namespaces, ${filter}${user}`
}
