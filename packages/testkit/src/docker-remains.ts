import { execFile } from 'node:child_process'
import { readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { isErrno, listIfThere, readIfThere } from '../../cli/src/embedded/optional-files.ts'
import { identityOf, isAlive } from '../../cli/src/embedded/process-identity.ts'
import { type EngineFiles, engineFiles } from './docker-daemons.ts'

const run = promisify(execFile)

const CGROUPS = '/sys/fs/cgroup'
/** Where shims of any containerd have their sockets. */
const SHIM_SOCKETS = '/run/containerd/s/'

/** How long processes may take to be gone after SIGKILL, and how often they are looked for, in milliseconds. */
const END_LIMIT_MS = 20_000
const LOOK_AGAIN_MS = 20

const PREFIX = 'specfleet-engine-'

/** Beginning of the name of an engine's folder: it tells whose it is. */
export const folderPrefix = (): string =>
  join(tmpdir(), `${PREFIX}${process.pid}-${identityOf(process.pid)?.startTime ?? ''}-`)

/** Removes engines that were left by processes which were killed. */
export async function removeAbandonedEngines(): Promise<void> {
  const abandoned = (await listIfThere(tmpdir())).filter((name) => {
    const [, pid, startTime = ''] = /^specfleet-engine-(\d+)-(\d+)-/.exec(name) ?? []
    return pid !== undefined && !isAlive({ pid: Number(pid), startTime })
  })
  for (const name of abandoned) await removeEngine(engineFiles(join(tmpdir(), name)))
}

/**
 * Ends an engine, its containers and their guardians, in whatever state they are, and removes all that they have
 * on this host.
 * @throws Error when a process or a mount stays
 */
export async function removeEngine(files: EngineFiles): Promise<void> {
  const sockets = await shimSockets(files)
  await endProcesses(files)
  await releaseMounts(files)
  for (const group of (await controlGroups(files)).reverse()) await ifThere(rmdir(group))
  await Promise.all(sockets.map((socket) => rm(socket, { force: true })))
  await rm(files.root, { recursive: true, force: true })
}

/** A killed process is gone a little later, and one that was about to be made is seen only then: so again, until none is. */
async function endProcesses(files: EngineFiles): Promise<void> {
  const until = performance.now() + END_LIMIT_MS
  for (;;) {
    await thaw(files)
    const pids = await processesOf(files)
    if (pids.length === 0) return
    if (performance.now() > until) throw new Error(`processes ${pids.join(', ')} of ${files.root} do not end`)
    for (const pid of pids) killIfThere(pid)
    await pause(LOOK_AGAIN_MS)
  }
}

/** Where Podman has something of each container while it runs, by the container's id. */
const podmanContainers = (root: string): string => join(root, 'run', 'overlay-containers')

/** Processes in its control groups, and on the host those that were started with a path of its folder. */
async function processesOf(files: EngineFiles): Promise<number[]> {
  const groups = await controlGroups(files)
  const members = await Promise.all(groups.map((group) => readIfThere(join(group, 'cgroup.procs')).catch(() => '')))
  const inGroups = members.flatMap((text) => (text ?? '').split('\n').filter((line) => line !== ''))
  const onHost = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const named = await Promise.all(onHost.map(async (pid) => ((await isStartedIn(files.root, pid)) ? [pid] : [])))
  const all = new Set([...inGroups, ...named.flat()].map(Number))
  return [...all].filter((pid) => pid > 0 && pid !== process.pid && identityOf(pid) !== undefined)
}

async function isStartedIn(root: string, pid: string): Promise<boolean> {
  const command = (await ifThere(readFile(`/proc/${pid}/cmdline`, 'utf8'))) ?? ''
  return command.split('\0').some((argument) => argument.startsWith(`${root}/`))
}

/** A paused container takes no signal. */
async function thaw(files: EngineFiles): Promise<void> {
  for (const group of await controlGroups(files)) {
    if (group.startsWith(join(CGROUPS, 'freezer'))) await ifThere(writeFile(join(group, 'freezer.state'), 'THAWED'))
  }
}

/** Of every hierarchy, parents first. */
async function controlGroups({ cgroup, root }: EngineFiles): Promise<string[]> {
  const hierarchies = (await listIfThere(CGROUPS)).map((name) => join(CGROUPS, name, cgroup))
  const parents = [CGROUPS, ...(await listIfThere(CGROUPS)).map((name) => join(CGROUPS, name))]
  // Podman has one parent for all of its engines
  const groups = (await listIfThere(podmanContainers(root))).map((id) => join('libpod_parent', `libpod-${id}`))
  const podmans = parents.flatMap((parent) => groups.map((group) => join(parent, group)))
  const trees = await Promise.all([join(CGROUPS, cgroup), ...hierarchies, ...podmans].map(foldersBelow))
  return trees.flat()
}

/** The folder itself and all below it; none where there is no such folder. */
async function foldersBelow(folder: string): Promise<string[]> {
  const entries = await ifThere(readdir(folder, { withFileTypes: true }))
  if (entries === undefined) return []
  const below = entries.filter((entry) => entry.isDirectory()).map((entry) => foldersBelow(join(folder, entry.name)))
  return [folder, ...(await Promise.all(below)).flat()]
}

/** Released in one go, whoever looks into them still. Another process may release them at the same time. */
async function releaseMounts(files: EngineFiles): Promise<void> {
  const mounts = await mountsOf(files)
  if (mounts.length === 0) return
  const failure = await run('umount', ['--lazy', '--no-canonicalize', ...mounts.reverse()]).catch((error) => error)
  const left = await mountsOf(files)
  if (left.length > 0) throw new Error(`still mounted: ${left.join(', ')}`, { cause: failure })
}

async function mountsOf({ root }: EngineFiles): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')
  const points = lines.map((line) => line.split(' ')[4] ?? '')
  return points.filter((point) => point.startsWith(`${root}/`))
}

/** A shim that was killed does not remove its socket; the folder of its container tells where it is. */
async function shimSockets({ containerdState }: EngineFiles): Promise<string[]> {
  const tasks = join(containerdState, 'io.containerd.runtime.v2.task', 'moby')
  const files = (await listIfThere(tasks)).map((id) => readIfThere(join(tasks, id, 'address')))
  const addresses = (await Promise.all(files)).map((text) => text?.replace(/^unix:\/\//, '') ?? '')
  return addresses.filter((address) => address.startsWith(SHIM_SOCKETS))
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!isErrno(error, 'ESRCH')) throw error
  }
}

/** `undefined` when the file, or the process that it tells of, is gone. */
async function ifThere<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ENODEV', 'ESRCH')) return undefined
    throw error
  }
}
