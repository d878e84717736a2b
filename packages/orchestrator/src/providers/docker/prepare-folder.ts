import { chown, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Hold, hold } from '../engine-folder/alive.ts'
import { isRoot } from '../engine-folder/folder.ts'
import { makingName } from '../engine-folder/making.ts'
import { makeFolder } from '../engine-folder/place.ts'
import type { Engine } from './engine.ts'
import { folderAt, type SandboxFolder } from './layout.ts'

/**
 * A folder for a container that is to be made, under a name that tells its maker: what one leaves that dies is known
 * at once, by the name and, when that is another, by the hold.
 * @throws Error of the system; nothing is left then
 */
export async function prepareFolder({ layout, user, fifos }: Engine): Promise<{ folder: SandboxFolder; hold: Hold }> {
  const folder = folderAt(join(layout.sandboxes, await makingName()))
  try {
    await makeFolder(folder.folder, 0o700)
    await Promise.all([fifos.place(folder.making), makeFolder(folder.wire, 0o700)])
    if (isRoot()) await chown(folder.wire, user.uid, user.gid)
    return { folder, hold: hold(folder.making) }
  } catch (error) {
    await rm(folder.folder, { recursive: true, force: true })
    throw error
  }
}
