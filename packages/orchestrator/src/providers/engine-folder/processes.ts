/** What `/proc` tells of the host's processes. Process ids are used again: one counts only with its start time. */
import { readdir, readFile, readlink } from 'node:fs/promises'
import { sep } from 'node:path'
import { isErrno } from './errno.ts'

export type Process = {
  readonly pid: number
  readonly parent: number
  readonly session: number
  /** In clock ticks since boot. */
  readonly start: string
}

/** Parses a line of `/proc/<pid>/stat`; the name, in brackets, may hold anything. Pure. */
export function parseStat(stat: string): Process | undefined {
  const pid = Number(stat.slice(0, stat.indexOf(' ')))
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [, parent, , session] = fields
  const start = fields[19]
  if (!Number.isInteger(pid) || pid < 1 || parent === undefined || session === undefined || start === undefined)
    return undefined
  return { pid, parent: Number(parent), session: Number(session), start }
}

/** `undefined` when there is no process of that id. */
export async function findProcess(pid: number): Promise<Process | undefined> {
  const stat = await readOfProcess(() => readFile(`/proc/${pid}/stat`, 'utf8'))
  return stat === undefined ? undefined : parseStat(stat)
}

/** Whether its id has not been given to another process since. */
export const isSame = async (process: Pick<Process, 'pid' | 'start'>): Promise<boolean> =>
  (await findProcess(process.pid))?.start === process.start

/** Every process of the host that did not end meanwhile. */
export async function allProcesses(): Promise<Process[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0)
  const found = await Promise.all(pids.map(findProcess))
  return found.filter((process) => process !== undefined)
}

/** Follows first children down from a process. `undefined` when the chain is shorter. Pure. */
export function descend(processes: readonly Process[], from: number, levels: number): Process | undefined {
  let at = processes.find(({ pid }) => pid === from)
  for (let level = 0; level < levels && at !== undefined; level++) {
    const { pid } = at
    at = processes
      .filter(({ parent }) => parent === pid)
      .sort((one, other) => Number(one.start) - Number(other.start) || one.pid - other.pid)[0]
  }
  return at
}

/** All below a process, whoever is nearer to it first. Pure. */
export function descendants(processes: readonly Process[], from: number): Process[] {
  const children = processes.filter(({ parent }) => parent === from)
  return [...children, ...children.flatMap(({ pid }) => descendants(processes, pid))]
}

/** Signals that very process; nothing when it is gone. */
export async function signalProcess(process_: Process, how: NodeJS.Signals): Promise<void> {
  if (await isSame(process_)) signalIfThere(process_.pid, how)
}

/** Signals whatever has that id, which the caller knows to be the right one. */
export function signalIfThere(pid: number, how: NodeJS.Signals): void {
  try {
    process.kill(pid, how)
  } catch (error) {
    if (!isErrno(error, 'ESRCH')) throw error
  }
}

/** Set for every process of the host that serves a sandbox; an isolated worker does not inherit it. */
export const MARK = 'SPECFLEET_SANDBOX_MARK'

export type Traces = {
  /** What `MARK` was set to. */
  readonly mark: string
  /** Where the folder is now. */
  readonly folder: string
  readonly shim: number | undefined
}

/** Processes that serve a sandbox by their mark; and those of its session that work in its folder, marked or not. */
export async function processesOf({ mark, folder, shim }: Traces): Promise<Process[]> {
  const belongs = async ({ pid, session }: Process): Promise<boolean> => {
    const environment = await readOfProcess(() => readFile(`/proc/${pid}/environ`, 'utf8'))
    if (environment?.split('\0').includes(`${MARK}=${mark}`) === true) return true
    if (session !== shim) return false
    return (await readOfProcess(() => worksIn(pid, folder))) ?? false
  }
  const all = await allProcesses()
  const answers = await Promise.all(all.map(async (one) => one.pid !== process.pid && (await belongs(one))))
  return all.filter((_, index) => answers[index])
}

/** A place that is too deep to have a name is one that a sandbox made. */
async function worksIn(pid: number, folder: string): Promise<boolean> {
  try {
    return `${await readlink(`/proc/${pid}/cwd`)}${sep}`.startsWith(`${folder}${sep}`)
  } catch (error) {
    if (isErrno(error, 'ENAMETOOLONG')) return true
    throw error
  }
}

/** `undefined` when the process is gone, or is none of ours. */
export async function readOfProcess<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH', 'EACCES', 'EPERM')) return undefined
    throw error
  }
}
