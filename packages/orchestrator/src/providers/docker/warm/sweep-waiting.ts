import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isHeld } from '../../engine-folder/alive.ts'
import type { Engine } from '../engine.ts'
import type { ListedContainer } from '../find-container.ts'
import { folderAt } from '../layout.ts'
import { allHandedOver } from './handed-over.ts'
import { keyOfFolder, waitingFolder } from './place.ts'

/**
 * Removes waiting containers and folders of makers that are gone, and what was handed over and has lost its folder.
 * The record that tells whose a container is is looked for only after the folder under its first name, for the folder
 * takes the record along.
 */
export async function sweepWaiting(engine: Engine, listed: readonly ListedContainer[]): Promise<void> {
  const { client, layout } = engine
  const isKept = (key: string) => isHeld(folderAt(waitingFolder(layout.sandboxes, key)).making)
  const waiting = listed.filter(({ waitingKey }) => waitingKey !== undefined && !isKept(waitingKey))
  const handedOver = waiting.length === 0 ? new Map() : await allHandedOver(engine)
  for (const { id } of waiting) if (!handedOver.has(id)) await client.remove(id)
  for (const entry of await readdir(layout.sandboxes)) {
    const key = keyOfFolder(entry)
    if (key !== undefined && !isKept(key)) await rm(join(layout.sandboxes, entry), { recursive: true, force: true })
  }
}
