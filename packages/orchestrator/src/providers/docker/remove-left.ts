/**
 * What makers that died left half done: folders without a container, and containers that were never started.
 *
 * 1. What is listed is only where to look. Before anything is removed it is asked again: nobody is at work on it,
 *    and its container was never started.
 * 2. A container is removed by its own id, and a folder under a name that is nobody's: who makes a sandbox anew under
 *    the same id meanwhile loses nothing.
 */
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SandboxId } from '@specfleet/shared'
import { isErrno } from '../engine-folder/errno.ts'
import { isLeftByItsMaker, makingName } from '../engine-folder/making.ts'
import { containerName } from './container.ts'
import { isBeingMade } from './destroy-sandbox.ts'
import type { Engine } from './engine.ts'
import { sandboxFolder } from './layout.ts'
import { forsakenContainers, isForsakenFolder } from './warm/forsaken.ts'
import { findSandbox } from './warm/handed-over.ts'

export type Left = {
  /** Sandboxes that may be half made. */
  readonly ids: readonly SandboxId[]
  /** Ids of containers that wait, and for whom nobody has use any more. */
  readonly waiting: readonly string[]
  /** Folders that never got the name of a sandbox, and whose maker is gone. */
  readonly parts: readonly string[]
}

export type Removed = { readonly containers: number; readonly folders: number }

export async function findLeft(engine: Engine): Promise<Left> {
  const { client, fleet, folder, layout } = engine
  const prefix = containerName(fleet, '')
  const listed = await client.list(fleet, folder)
  const containers = new Map(listed.map(({ name, state }) => [name.slice(prefix.length), state]))
  const entries = await readdir(layout.sandboxes)
  const unstarted = [...containers].flatMap(([name, state]) => (state === 'made' ? [name] : []))
  const lonely = entries.filter((entry) => !containers.has(entry))
  const left = await Promise.all(entries.map(isLeftByItsMaker))
  return {
    ids: [...unstarted, ...lonely].map((name) => SandboxId.safeParse(name).data).filter((id) => id !== undefined),
    waiting: await forsakenContainers(engine, listed),
    parts: entries.filter((entry, index) => left[index] || isForsakenFolder(engine, entry)),
  }
}

/** Removes what is left under that id, if it is. */
export async function removeLeft(engine: Engine, id: SandboxId): Promise<Removed> {
  const { client, layout, wire } = engine
  const { folder } = sandboxFolder(layout.sandboxes, id)
  // In this order: of a folder that nobody holds the container either was started before, or never will be.
  const found = await whichOne(folder)
  if (isBeingMade(engine, id)) return NOTHING
  const container = await findSandbox(engine, id)
  if (container !== undefined && container.state !== 'made') return NOTHING
  // Another folder by now is that of somebody who makes the sandbox anew, and so may be the container.
  const isStillLeft = async () => (await whichOne(folder)) === found && !isBeingMade(engine, id)
  if (!(await isStillLeft())) return NOTHING
  if (found !== undefined) await wire.close(id)
  const away = join(layout.sandboxes, await makingName())
  const folders = found !== undefined && (await isStillLeft()) && (await moveIfThere(folder, away)) ? 1 : 0
  if (container !== undefined) await client.removeUnstarted(container.containerId)
  await rm(away, { recursive: true, force: true })
  return { containers: container === undefined ? 0 : 1, folders }
}

const NOTHING: Removed = { containers: 0, folders: 0 }

/** Tells a folder from any other that has its name later. */
async function whichOne(folder: string): Promise<string | undefined> {
  try {
    const { ino, birthtimeMs } = await stat(folder)
    return `${ino} ${birthtimeMs}`
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

async function moveIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false
    throw error
  }
}
