/** Waiting containers whose makers are gone, and what was handed over and has lost its folder. */
import { isHeld } from '../../engine-folder/alive.ts'
import type { Engine } from '../engine.ts'
import type { ListedContainer } from '../find-container.ts'
import { folderAt } from '../layout.ts'
import { whatBecame } from './handed-over.ts'
import { keyOfFolder, waitingFolder } from './place.ts'

/**
 * Ids of those that nobody has use for. The record that tells whose a container is is looked for only when nobody
 * holds the folder under its first name, for the folder takes the record along; so nobody can have use for it later.
 */
export async function forsakenContainers(engine: Engine, listed: readonly ListedContainer[]): Promise<string[]> {
  const unheld = listed.filter(({ waitingKey }) => waitingKey !== undefined && !isKept(engine, waitingKey))
  const became = await whatBecame(engine, unheld)
  return unheld.flatMap(({ containerId }) => (became.has(containerId) ? [] : [containerId]))
}

export function isForsakenFolder(engine: Engine, entry: string): boolean {
  const key = keyOfFolder(entry)
  return key !== undefined && !isKept(engine, key)
}

const isKept = ({ layout }: Engine, key: string): boolean =>
  isHeld(folderAt(waitingFolder(layout.sandboxes, key)).making)
