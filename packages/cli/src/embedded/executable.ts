import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** How long a program may take to print its version, in milliseconds. */
const VERSION_LIMIT_MS = 10_000

export type Version = readonly [major: number, minor: number, patch: number]

/** Every executable file called `name`, in the order of a PATH-like list of folders. */
export async function executablesOnPath(name: string, path: string): Promise<string[]> {
  const folders = new Set(path.split(delimiter).filter(isAbsolute))
  const candidates = [...folders].map((folder) => join(folder, name))
  const usable = await Promise.all(candidates.map(isExecutableFile))
  return candidates.filter((_, index) => usable[index])
}

async function isExecutableFile(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK)
    return (await stat(file)).isFile()
  } catch {
    return false
  }
}

/** What `file --version` prints, as numbers; `undefined` when it cannot run here or prints no version. */
export async function versionOf(file: string, signal: AbortSignal): Promise<Version | undefined> {
  try {
    const { stdout, stderr } = await run(file, ['--version'], { signal, timeout: VERSION_LIMIT_MS })
    return parseVersion(`${stdout}\n${stderr}`)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof Error) return undefined
    throw error
  }
}

/** The first `1.2.3` or `1.2` in a text. */
export function parseVersion(text: string): Version | undefined {
  const match = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text)
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)]
}

export const formatVersion = (version: Version): string => version.join('.')

/** Negative when `a` is older than `b`, 0 when equal. */
export function compareVersions(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
}
