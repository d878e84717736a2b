/**
 * What all sandboxes of an engine share, made once and put in place whole: whoever finds it may use it.
 *
 * The copy of Node may be executed but not read. The kernel therefore keeps the worker's memory, its
 * descriptors and its environment from every other process in the sandbox: a tool that an agent runs has the
 * worker's user id and could otherwise take the run's credential out of it.
 */
import { lstat, readlink } from 'node:fs/promises'
import { arch } from 'node:os'
import { join } from 'node:path'
import { digest, exists, makeFolder, place, placeBundle, placeProgram, writeShared } from '../engine-folder/place.ts'
import { ETC_OF_OURS, type SharedPaths, type SystemEntry } from './bwrap-arguments.ts'
import { isFilterable, seccompFilter } from './seccomp.ts'
import { SHIM } from './shim.ts'

export type SystemFolder = {
  readonly shared: SharedPaths
  /** `undefined` on a machine whose system calls the filter does not know. */
  readonly filter: string | undefined
  readonly bwrap: string
  readonly entries: readonly SystemEntry[]
}

const EXECUTE_ONLY = 0o111

export async function makeSystemFolder(system: string, bundle: string, bwrap: string): Promise<SystemFolder> {
  const worker = await placeBundle(system, bundle)
  return {
    shared: {
      node: await placeProgram(system, process.execPath, EXECUTE_ONLY),
      bundle: join(worker, 'worker.mjs'),
      compileCache: join(worker, 'cache'),
      etc: await placeEtc(system),
    },
    filter: await placeFilter(system),
    // A sandbox's user may be unable to walk to where a downloaded bwrap lies.
    bwrap: bwrap.startsWith('/usr/') ? bwrap : await placeProgram(system, bwrap, 0o555),
    entries: await systemEntries(),
  }
}

export async function placeShim(system: string): Promise<string> {
  const path = join(system, `shim-${digest(SHIM)}.sh`)
  return place(path, (part) => writeShared(part, SHIM))
}

async function placeFilter(system: string): Promise<string | undefined> {
  const architecture = arch()
  if (!isFilterable(architecture)) return undefined
  const filter = seccompFilter(architecture)
  const path = join(system, `seccomp-${digest(filter)}.bpf`)
  return place(path, (part) => writeShared(part, filter))
}

async function placeEtc(system: string): Promise<string> {
  const path = join(system, `etc-${digest(JSON.stringify(ETC_OF_OURS))}`)
  return place(path, async (part) => {
    await makeFolder(part)
    for (const [name, text] of Object.entries(ETC_OF_OURS)) await writeShared(join(part, name), text)
  })
}

const SYSTEM_PATHS = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']

async function systemEntries(): Promise<SystemEntry[]> {
  const entries: SystemEntry[] = []
  for (const path of SYSTEM_PATHS) {
    if (!(await exists(path))) continue
    const isLink = (await lstat(path)).isSymbolicLink()
    entries.push(isLink ? { path, link: await readlink(path) } : { path })
  }
  return entries
}
