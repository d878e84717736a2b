import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { readdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseStat } from '../../orchestrator/src/providers/engine-folder/processes.ts'

/** Where a fleet leaves traces on this host. */
export type Traces = {
  /** `SPECFLEET_HOME`: a path that nothing else on the host has to do with. */
  readonly home: string
  /** Runs it has had; control groups are named after them. */
  readonly runIds: Iterable<string>
}

/** Everything of a fleet that is still on the host, in words; empty when it left nothing. */
export async function remainsOf({ home, runIds }: Traces): Promise<string[]> {
  const processes = processesOf(home).map(({ pid, command }) => `process ${pid}: ${command}`)
  const groups = controlGroupsOf(runIds).map((path) => `control group ${path}`)
  return [...processes, ...groups, ...(await leftFiles(home))]
}

/** Last steps of a clean-up, such as the end of a forwarder, come behind the end of their orchestrator. */
const SETTLE_MS = 10_000
const LOOK_AGAIN_MS = 50

/**
 * Waits until nothing is left. The host tells nobody of the end of somebody else's child, so it is asked.
 * @throws Error with all that is left when it stays
 */
export async function expectNothingLeft(traces: Traces): Promise<void> {
  const until = performance.now() + SETTLE_MS
  for (;;) {
    const left = await remainsOf(traces)
    if (left.length === 0) return
    if (performance.now() > until) throw new Error(`left behind by the fleet in ${traces.home}:\n${left.join('\n')}`)
    await pause(LOOK_AGAIN_MS)
  }
}

/** Settles when no process of that id is left. @throws Error when it stays */
export async function untilGone(pid: number): Promise<void> {
  const until = performance.now() + SETTLE_MS
  while (isAlive(String(pid))) {
    if (performance.now() > until) throw new Error(`process ${pid} is still there`)
    await pause(LOOK_AGAIN_MS)
  }
}

/** Ends what a test that failed may have left; for clean-up only. */
export async function removeRemains({ home, runIds }: Traces): Promise<void> {
  for (const { pid } of processesOf(home)) signalIfThere(pid)
  const until = performance.now() + SETTLE_MS
  while (processesOf(home).length > 0 && performance.now() < until) await pause(LOOK_AGAIN_MS)
  await Promise.all(controlGroupsOf(runIds).map((path) => rmdir(path)))
}

function signalIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

export type NamedProcess = { readonly pid: number; readonly command: string }

/**
 * Processes that know the path: by an argument, a variable, their working folder, or, inside a sandbox, where
 * neither is left, by a mount. This very process does not count, and the dead that nobody reaps do not either.
 */
export function processesOf(path: string): NamedProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .filter((pid) => isAlive(pid) && knows(pid, path))
    .map((pid) => ({ pid: Number(pid), command: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').slice(0, 320) }))
}

const isAlive = (pid: string): boolean => parseStat(read(`/proc/${pid}/stat`)) !== undefined

const knows = (pid: string, path: string): boolean =>
  ['cmdline', 'environ', 'mountinfo'].some((what) => read(`/proc/${pid}/${what}`).includes(path)) ||
  workingFolder(pid).startsWith(path)

function controlGroupsOf(runIds: Iterable<string>): string[] {
  const prefixes = [...runIds].map((runId) => `specfleet-${runId}-`)
  return ['memory', 'pids', 'cpu', '.']
    .map((controller) => join('/sys/fs/cgroup', controller))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => ({ name, path: join(folder, name) })))
    .filter(({ name }) => prefixes.some((prefix) => name.startsWith(prefix)))
    .map(({ path }) => path)
}

/** Sandboxes, whole, half made or half removed, and sockets wherever they are. */
async function leftFiles(home: string): Promise<string[]> {
  if (!existsSync(home)) return []
  const entries = await readdir(home, { recursive: true, withFileTypes: true })
  const sockets = entries.filter((entry) => entry.isSocket()).map((entry) => join(entry.parentPath, entry.name))
  const sandboxes = entries.filter((entry) => entry.isDirectory() && entry.parentPath.endsWith('/sandboxes'))
  return [
    ...sockets.map((path) => `socket ${path}`),
    ...sandboxes.map((entry) => `sandbox folder ${join(entry.parentPath, entry.name)}`),
  ]
}

/** Empty when the process is gone or is none of ours. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function workingFolder(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return ''
  }
}
