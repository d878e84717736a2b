import { copyFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { compareVersions, formatVersion, parseVersion, type Version } from './executable.ts'
import { isErrno, listIfThere } from './optional-files.ts'

export type CachedBinary = { path: string; version: Version }

/** Programs that the cache holds under this name, newest first: `<cacheDir>/<name>/<version>/<name>`. */
export async function cachedBinaries(cacheDir: string, name: string): Promise<CachedBinary[]> {
  const folders = await listIfThere(join(cacheDir, name))
  return folders
    .flatMap((folder) => {
      const version = parseVersion(folder)
      return version === undefined ? [] : [{ path: join(cacheDir, name, folder, name), version }]
    })
    .sort((a, b) => compareVersions(b.version, a.version))
}

/**
 * Puts a program into the cache in one step: others see all of it or nothing. Where another process was
 * quicker, its copy stays.
 */
export async function cacheBinary(cacheDir: string, name: string, version: Version, file: string): Promise<string> {
  const folder = join(cacheDir, name, formatVersion(version))
  await mkdir(join(cacheDir, name), { recursive: true, mode: 0o700 })
  const temporary = await mkdtemp(join(cacheDir, name, 'incoming-'))
  try {
    await copyFile(file, join(temporary, name))
    await rename(temporary, folder)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    if (!isErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error
  }
  return join(folder, name)
}
