import { join } from 'node:path'

export type CacheOwner = {
  platform: NodeJS.Platform
  /** The user's home folder. */
  home: string
  xdgCacheHome: string | undefined
}

/** The user's folder for what can be fetched again. */
export function cacheFolder({ platform, home, xdgCacheHome }: CacheOwner): string {
  if (xdgCacheHome !== undefined && xdgCacheHome !== '') return join(xdgCacheHome, 'specfleet')
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'specfleet')
  return join(home, '.cache', 'specfleet')
}
