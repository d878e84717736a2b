import { randomUUID } from 'node:crypto'
import { chmod, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { SpecfleetError } from '@specfleet/shared'
import { isErrno } from './errno.ts'
import type { EngineLayout } from './layout.ts'

export const isRoot = (): boolean => process.getuid?.() === 0

/** Made by root, every user may walk through them, since a sandbox's own user must; nobody may list them. */
export async function makeEngineFolders(layout: EngineLayout): Promise<void> {
  for (const folder of [layout.root, layout.sandboxes, layout.system]) {
    await mkdir(folder, { recursive: true })
    await chmod(folder, isRoot() ? 0o711 : 0o700)
  }
}

/**
 * A name that is the same for every process that reaches this folder on this host, and for no other.
 * @throws SpecfleetError `provider.unavailable` when the folder cannot be used
 */
export async function folderName(layout: EngineLayout): Promise<string> {
  const part = `${layout.engine}.${randomUUID()}`
  await writeFile(part, randomUUID(), { mode: 0o600 })
  try {
    // A link, unlike a rename, leaves the name that somebody else gave first.
    await link(part, layout.engine)
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw new SpecfleetError('provider.unavailable', layout.engine, { cause: error })
  } finally {
    await rm(part, { force: true })
  }
  const id = (await readFile(layout.engine, 'utf8')).trim()
  return `${hostname()}:${id}`
}
