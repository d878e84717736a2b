import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { WORKER_VERSION } from './version.ts'

it('is that of the package', async () => {
  const manifest = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'))
  expect(WORKER_VERSION).toBe(manifest.version)
})
