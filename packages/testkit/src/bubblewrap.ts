import { homedir } from 'node:os'
import { cacheFolder, findBubblewrap } from '@specfleet/cli/embedded'

/** The bubblewrap that the command would use, fetched where there is none. @throws Error with the reason when it cannot be had */
export async function bubblewrapPath(signal: AbortSignal = new AbortController().signal): Promise<string> {
  const { platform, env } = process
  const search = await findBubblewrap({
    path: env.PATH ?? '',
    cacheDir: cacheFolder({ platform, home: homedir(), xdgCacheHome: env.XDG_CACHE_HOME }),
    platform,
    report: (line) => process.stderr.write(`${line}\n`),
    signal,
  })
  if (search.found === null) throw new Error(search.reason)
  return search.found.path
}
