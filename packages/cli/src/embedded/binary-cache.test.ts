import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { cacheBinary, cachedBinaries } from './binary-cache.ts'

test('programs are kept by version, newest first, and the first copy of a version stays', async () => {
  const cache = await mkdtemp(join(tmpdir(), 'specfleet-cache-'))
  onTestFinished(() => rm(cache, { recursive: true, force: true }))
  const program = async (text: string) => {
    const file = join(cache, 'program')
    await writeFile(file, text, { mode: 0o755 })
    return file
  }
  expect(await cachedBinaries(cache, 'tool')).toEqual([])
  await cacheBinary(cache, 'tool', [2, 9, 0], await program('old'))
  const path = await cacheBinary(cache, 'tool', [2, 15, 0], await program('new'))
  expect(await cacheBinary(cache, 'tool', [2, 15, 0], await program('later'))).toBe(path)
  expect((await cachedBinaries(cache, 'tool')).map(({ version }) => version.join('.'))).toEqual(['2.15.0', '2.9.0'])
  expect(await readFile(path, 'utf8')).toBe('new')
  expect(await readdir(join(cache, 'tool'))).toEqual(['2.15.0', '2.9.0'])
})
