/** What this host lets a provider of processes do, found out by trying. */
import { execFile } from 'node:child_process'
import { access, constants, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CONTROLLERS, type Controller } from '../cgroup-layout.ts'
import { isRoot } from '../engine-folder/folder.ts'
import { exists } from '../engine-folder/place.ts'
import { usableCgroups } from './cgroups.ts'
import { sandboxUids } from './host-uid.ts'
import { type Confiner, type HostIdentity, scopeCommand } from './launch.ts'

const run = promisify(execFile)

/** Where the system's own programs are. The search path of whoever started us has no say in a sandbox. */
const PROGRAM_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'] as const
export const PROGRAM_PATH = PROGRAM_FOLDERS.join(':')

/** Why something cannot be had, as one sentence, and what to do about it. */
export type Refusal = { readonly reason: string; readonly next: string }

async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of PROGRAM_FOLDERS) {
    const path = join(folder, name)
    if (await isExecutable(path)) return path
  }
  return undefined
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Programs of every Linux system that the shim is made of. */
const NEEDED = ['sh', 'head', 'tail', 'wc', 'mv', 'cat', 'mkfifo', 'rm', 'timeout', 'setpriv'] as const
const NEEDED_AS_ROOT = ['unshare', 'mount'] as const

/** Why this host cannot run sandboxes at all. */
export async function missingPrograms(isolated: boolean, platform: NodeJS.Platform): Promise<Refusal | undefined> {
  if (platform !== 'linux') {
    return {
      reason: `sandboxes of processes need Linux, and this is ${platform}`,
      next: 'run the fleet on a Linux host',
    }
  }
  const needed = [...NEEDED, ...(isolated && isRoot() ? NEEDED_AS_ROOT : [])]
  const found = await Promise.all(needed.map(findProgram))
  const missing = needed.filter((_, index) => found[index] === undefined)
  if (missing.length === 0) return undefined
  return { reason: `this host has no ${missing.join(', ')}`, next: 'install coreutils and util-linux' }
}

const OLDEST_BWRAP = [0, 8] as const

/** A bubblewrap that can forbid namespaces inside namespaces. */
export async function findBwrap(given: string | undefined): Promise<{ path: string } | Refusal> {
  const path = given ?? (await findProgram('bwrap'))
  const next = 'install bubblewrap 0.8 or newer, or choose process-unsafe by name'
  if (path === undefined || !(await isExecutable(path))) {
    return { reason: path === undefined ? 'bubblewrap is not installed' : `there is no bubblewrap at ${path}`, next }
  }
  const { stdout } = await run(path, ['--version'], { env: {} })
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(stdout) ?? []).slice(1).map(Number)
  const [oldestMajor, oldestMinor] = OLDEST_BWRAP
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return { path }
  return { reason: `${path} is ${stdout.trim()}, which cannot forbid nested namespaces`, next }
}

/** As whom sandboxes can run. */
export async function findIdentity(): Promise<HostIdentity | Refusal> {
  if (!isRoot()) return { kind: 'maker' }
  const uids = sandboxUids(await readFile('/proc/self/uid_map', 'utf8'))
  if (uids !== undefined) return { kind: 'own', uids }
  return {
    reason: 'root has too few user ids in this namespace to give each sandbox one of its own',
    next: 'run the fleet as an ordinary user, or give its container a full range of user ids',
  }
}

/** What can hold sandboxes to their limits. @param probe a name that no sandbox has */
export async function findConfiner(probe: string): Promise<Confiner> {
  if (isRoot()) {
    const hierarchies = await usableCgroups(probe)
    if (Object.keys(hierarchies).length > 0) return { kind: 'cgroup', hierarchies }
    return { kind: 'none', why: 'no control group can be made here' }
  }
  const uid = process.getuid?.() ?? 0
  const none = { kind: 'none', why: 'only root or a systemd user session can set limits' } as const
  if ((await findProgram('systemd-run')) === undefined || !(await exists(`/run/user/${uid}/bus`))) return none
  try {
    const limits = { memoryMb: 256, diskMb: 16, cpus: 1, pids: 64, wallClockMinutes: 1, outputMb: 1 }
    const [program = '', ...rest] = [...scopeCommand({ unit: probe, limits }), 'true']
    await run(program, rest, { env: { PATH: PROGRAM_PATH, ...sessionEnvironment(uid) }, timeout: 5_000 })
    return { kind: 'scope', uid }
  } catch {
    return none
  }
}

/** By which `systemd-run --user` finds its manager. */
export const sessionEnvironment = (uid: number): Record<string, string> => ({
  XDG_RUNTIME_DIR: `/run/user/${uid}`,
  DBUS_SESSION_BUS_ADDRESS: `unix:path=/run/user/${uid}/bus`,
})

/** Which limits hold, and which do not, in words. Pure. */
export function describeLimits(confiner: Confiner, isolated: boolean): string {
  const held = [...CONTROLLERS.filter((controller) => holds(confiner, controller)), ...(isolated ? ['disk'] : [])]
  const missing = [...CONTROLLERS, 'disk'].filter((name) => !held.includes(name))
  const why = confiner.kind === 'none' ? ` (${confiner.why})` : ''
  const lacking = missing.length === 0 ? '' : `, none of ${missing.map(inWords).join(' and ')}${why}`
  return `limits of ${[...held, 'output'].map(inWords).join(', ')} and wall clock${lacking}`
}

const holds = (confiner: Confiner, controller: Controller): boolean =>
  confiner.kind === 'scope' || (confiner.kind === 'cgroup' && confiner.hierarchies[controller] !== undefined)

const inWords = (limit: string): string => (limit === 'pids' ? 'processes' : limit)
