import { expect, test } from 'vitest'
import { cacheFolder } from './cache-folder.ts'

test('the cache lies where the platform and its user want it', () => {
  const owner = { platform: 'linux', home: '/home/ada', xdgCacheHome: undefined } as const
  expect(cacheFolder(owner)).toBe('/home/ada/.cache/specfleet')
  expect(cacheFolder({ ...owner, xdgCacheHome: '' })).toBe('/home/ada/.cache/specfleet')
  expect(cacheFolder({ ...owner, xdgCacheHome: '/var/cache' })).toBe('/var/cache/specfleet')
  expect(cacheFolder({ ...owner, platform: 'darwin' })).toBe('/home/ada/Library/Caches/specfleet')
})
