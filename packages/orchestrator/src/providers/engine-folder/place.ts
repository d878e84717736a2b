/** What all sandboxes of an engine share, each piece made once and put in place whole: whoever finds it may use it. */
import { createHash, randomUUID } from 'node:crypto'
import {
  chmod,
  chown,
  constants,
  copyFile,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { cachedDataVersionTag } from 'node:v8'
import { SpecfleetError } from '@specfleet/shared'
import { isErrno } from './errno.ts'
import { isRoot } from './folder.ts'

/** Everybody may walk and read what is shared; only its owner may change it. */
const SHARED_FOLDER = 0o711
const READABLE_FOLDER = 0o755
const SHARED_FILE = 0o444

export async function placeProgram(system: string, program: string, mode: number): Promise<string> {
  const { size, mtimeMs } = await stat(program)
  const path = join(system, `program-${digest(`${program} ${size} ${mtimeMs} ${mode}`)}`)
  return place(path, async (part) => {
    await copyFile(program, part, constants.COPYFILE_FICLONE)
    await chmod(part, mode)
  })
}

/**
 * One folder a version: the bundle, and beside it, once it has run, its compile cache and its snapshot. Both are of
 * one build of Node on one kind of processor.
 * @throws SpecfleetError `worker.bundle`
 */
export async function placeBundle(system: string, bundle: string): Promise<string> {
  let text: Buffer
  try {
    text = await readFile(bundle)
  } catch (cause) {
    throw new SpecfleetError('worker.bundle', bundle, { cause })
  }
  const { size, mtimeMs } = await stat(process.execPath)
  const node = `${process.version} ${size} ${mtimeMs} ${cachedDataVersionTag()}`
  const path = join(system, `worker-${digest(`${digest(text)} ${node}`)}`)
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

export async function writeShared(path: string, data: string | Buffer): Promise<void> {
  await writeFile(path, data)
  await chmod(path, SHARED_FILE)
}

/** What sandboxes' users made in there: from now on everybody may read it, and only the engine's owner may change it. */
export async function takeOver(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries.map((entry) => [join(entry.parentPath, entry.name), entry.isDirectory()] as const)
  for (const [path, isFolder] of [...paths, [folder, true] as const]) {
    if (isRoot()) await chown(path, 0, 0)
    await chmod(path, isFolder ? READABLE_FOLDER : SHARED_FILE)
  }
}

/** Without regard to the umask. */
export async function makeFolder(path: string, mode: number = SHARED_FOLDER): Promise<void> {
  await mkdir(path)
  await chmod(path, mode)
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

export const digest = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex').slice(0, 16)
