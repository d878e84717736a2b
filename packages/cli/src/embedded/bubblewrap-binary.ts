import { join } from 'node:path'
import { cacheBinary, cachedBinaries } from './binary-cache.ts'
import { fetchDebianPackage } from './debian-package.ts'
import { executablesOnPath, formatVersion, versionOf } from './executable.ts'
import type { BinarySearch, FoundBinary } from './nats-binary.ts'

const NAME = 'bwrap'

export type BubblewrapSearchResult = { found: FoundBinary } | { found: null; reason: string }

/**
 * A `bwrap` that runs: on PATH, else in the user's cache, else out of the Debian package of the machine's own
 * suite. Whether the kernel lets it make namespaces is for its user to find out.
 */
export async function findBubblewrap(
  search: BinarySearch & { platform: NodeJS.Platform },
): Promise<BubblewrapSearchResult> {
  if (search.platform !== 'linux') return { found: null, reason: 'bubblewrap needs Linux' }
  const installed = await executablesOnPath(NAME, search.path)
  const cached = (await cachedBinaries(search.cacheDir, NAME)).map(({ path }) => path)
  for (const path of [...installed, ...cached]) {
    const version = await versionOf(path, search.signal)
    const from = installed.includes(path) ? 'PATH' : 'cache'
    if (version !== undefined) return { found: { path, version: formatVersion(version), from } }
  }
  return fetchFromDebian(search)
}

async function fetchFromDebian({ path, cacheDir, report, signal }: BinarySearch): Promise<BubblewrapSearchResult> {
  report('fetching bubblewrap from the Debian mirror of this machine (once)')
  await using unpacked = await fetchDebianPackage({ name: 'bubblewrap', suite: 'own', cacheDir, path, signal })
  if (!unpacked.found) return { found: null, reason: `${unpacked.reason}; install the package bubblewrap` }
  const file = join(unpacked.root, 'usr', 'bin', NAME)
  const version = await versionOf(file, signal)
  if (version === undefined) return { found: null, reason: 'the bubblewrap of this Debian does not run here' }
  const cachedPath = await cacheBinary(cacheDir, NAME, version, file)
  return { found: { path: cachedPath, version: formatVersion(version), from: 'debian' } }
}
