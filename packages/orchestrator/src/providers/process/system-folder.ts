/**
 * What all sandboxes of an engine share, made once and put in place whole: whoever finds it may use it.
 *
 * The copy of Node may be executed but not read. The kernel therefore keeps the worker's memory, its
 * descriptors and its environment from every other process in the sandbox: a tool that an agent runs has the
 * worker's user id and could otherwise take the run's credential out of it.
 */
import { createHash, randomUUID } from 'node:crypto'
import {
  chmod,
  constants,
  copyFile,
  lstat,
  mkdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { arch } from 'node:os'
import { join } from 'node:path'
import { SpecfleetError } from '@specfleet/shared'
import { isErrno } from './alive.ts'
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

/** Everybody may walk and read what is shared; only its owner may change it. */
const SHARED_FOLDER = 0o711
const SHARED_FILE = 0o444
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

async function placeProgram(system: string, program: string, mode: number): Promise<string> {
  const { size, mtimeMs } = await stat(program)
  const path = join(system, `program-${digest(`${program} ${size} ${mtimeMs} ${mode}`)}`)
  return place(path, async (part) => {
    await copyFile(program, part, constants.COPYFILE_FICLONE)
    await chmod(part, mode)
  })
}

/** One folder a version: the bundle, and beside it, once it has run, its compile cache. @throws SpecfleetError `worker.bundle` */
async function placeBundle(system: string, bundle: string): Promise<string> {
  let text: Buffer
  try {
    text = await readFile(bundle)
  } catch (cause) {
    throw new SpecfleetError('worker.bundle', bundle, { cause })
  }
  const path = join(system, `worker-${digest(`${digest(text)} ${process.version}`)}`)
  return place(path, async (part) => {
    await makeFolder(part)
    await writeShared(join(part, 'worker.mjs'), text)
  })
}

/** Makes under another name, then renames: two makers at once do no harm, and half a file is never seen. */
export async function place(path: string, make: (part: string) => Promise<void>): Promise<string> {
  if (await exists(path)) return path
  const part = `${path}.${randomUUID()}.part`
  try {
    await make(part)
    await rename(part, path)
  } catch (error) {
    if (!isErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error
  } finally {
    await rm(part, { recursive: true, force: true })
  }
  return path
}

async function writeShared(path: string, data: string | Buffer): Promise<void> {
  await writeFile(path, data)
  await chmod(path, SHARED_FILE)
}

/** Without regard to the umask. */
export async function makeFolder(path: string, mode: number = SHARED_FOLDER): Promise<void> {
  await mkdir(path)
  await chmod(path, mode)
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

export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return false
    throw error
  }
}

const digest = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex').slice(0, 16)
