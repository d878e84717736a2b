import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createOperatorKit } from '@specfleet/shared'
import { expect, onTestFinished, test } from 'vitest'
import { operatorKeyFiles, readOperatorKit, writeOperatorKit } from './operator-keys.ts'

test('a kit is read as it was written, is its owner’s only, and is never overwritten', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'specfleet-keys-'))
  onTestFinished(() => rm(parent, { recursive: true, force: true }))
  const folder = join(parent, 'keys')
  expect(await readOperatorKit(folder)).toBeUndefined()
  const kit = createOperatorKit(new Date())
  await writeOperatorKit(folder, kit)
  const read = await readOperatorKit(folder)
  expect({ ...read, ...trimmed(read) }).toEqual({ ...kit, ...trimmed(kit) })
  for (const file of Object.values(operatorKeyFiles(folder))) expect((await stat(file)).mode & 0o777).toBe(0o600)
  await expect(writeOperatorKit(folder, createOperatorKit(new Date()))).rejects.toThrow('holds other keys')
  expect(await readdir(parent)).toEqual(['keys'])
})

/** Credentials are texts of lines: blank ones at their end mean nothing. */
function trimmed(kit: object | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(kit ?? {}).map(([name, text]) => [name, String(text).trim()]))
}
