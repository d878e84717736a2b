import { join } from 'node:path'
import { SpecfleetError } from '@specfleet/shared'
import { cacheBinary, cachedBinaries } from './binary-cache.ts'
import { fetchDebianPackage } from './debian-package.ts'
import { compareVersions, executablesOnPath, formatVersion, type Version, versionOf } from './executable.ts'

const NAME = 'nats-server'

/** Older ones re-deliver acknowledged work after a crash and ignore time limits without a word. */
const OLDEST: Version = [2, 12, 0]

const HOW_TO_INSTALL =
  'install nats-server 2.12 or newer and put it on the PATH: `brew install nats-server`, the package ' +
  'nats-server of Debian sid, the binary out of the container image `nats`, or a release archive of nats-server'

export type BinarySearch = {
  /** PATH-like list of folders. */
  path: string
  /** Folder of the user's cache that is ours. */
  cacheDir: string
  /** Takes one line when something slow begins. */
  report: (line: string) => void
  signal: AbortSignal
}

export type FoundBinary = { path: string; version: string; from: 'PATH' | 'cache' | 'debian' }

/**
 * A `nats-server` that is new enough: on PATH, else in the user's cache, else out of a Debian package.
 * @throws SpecfleetError `nats.not-found`
 */
export async function findNatsServer(search: BinarySearch): Promise<FoundBinary> {
  const tooOld: string[] = []
  for (const path of await executablesOnPath(NAME, search.path)) {
    const version = await versionOf(path, search.signal)
    if (isNewEnough(version)) return { path, version: formatVersion(version), from: 'PATH' }
    tooOld.push(`${path} is ${version === undefined ? 'of an unknown version' : formatVersion(version)}`)
  }
  for (const { path } of await cachedBinaries(search.cacheDir, NAME)) {
    const version = await versionOf(path, search.signal)
    if (isNewEnough(version)) return { path, version: formatVersion(version), from: 'cache' }
  }
  const fetched = await fetchFromDebian(search)
  if (typeof fetched !== 'string') return fetched
  throw new SpecfleetError('nats.not-found', [...tooOld, fetched].join('; '), { next: HOW_TO_INSTALL })
}

function isNewEnough(version: Version | undefined): version is Version {
  return version !== undefined && compareVersions(version, OLDEST) >= 0
}

/** The fetched server, or why there is none. Debian stable's is too old; sid's runs on stable. */
async function fetchFromDebian({ path, cacheDir, report, signal }: BinarySearch): Promise<FoundBinary | string> {
  report('fetching nats-server from the Debian mirror of this machine (once)')
  await using unpacked = await fetchDebianPackage({ name: NAME, suite: 'sid', cacheDir, path, signal })
  if (!unpacked.found) return unpacked.reason
  const file = join(unpacked.root, 'usr', 'sbin', NAME)
  const version = await versionOf(file, signal)
  if (!isNewEnough(version)) return 'the nats-server of Debian sid does not run on this machine'
  const cached = await cacheBinary(cacheDir, NAME, version, file)
  return { path: cached, version: formatVersion(version), from: 'debian' }
}
