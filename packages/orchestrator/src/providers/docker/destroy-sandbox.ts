import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SandboxId } from '@specfleet/shared'
import { isHeld } from '../engine-folder/alive.ts'
import { isLeftByItsMaker } from '../engine-folder/making.ts'
import { containerName } from './container.ts'
import type { Engine } from './engine.ts'
import { sandboxFolder } from './layout.ts'

/** Removes a sandbox, running or not, and what lies beside it. The wire goes first: it can say no more. */
export async function destroySandbox(engine: Engine, id: SandboxId): Promise<void> {
  await engine.wire.close(id)
  await engine.client.remove(containerName(engine.fleet, id))
  await rm(sandboxFolder(engine.layout.sandboxes, id).folder, { recursive: true, force: true })
}

/**
 * Removes what makers that died left half done: folders without a container, and containers that were never started.
 * @param names of all containers of the fleet, as the engine lists them
 */
export async function sweep(engine: Engine, names: readonly string[]): Promise<void> {
  const { sandboxes } = engine.layout
  for (const entry of await readdir(sandboxes)) {
    const id = SandboxId.safeParse(entry)
    if (!id.success) {
      if (await isLeftByItsMaker(entry)) await rm(join(sandboxes, entry), { recursive: true, force: true })
    } else if (!names.includes(containerName(engine.fleet, id.data)) && !isBeingMade(engine, id.data)) {
      await destroySandbox(engine, id.data)
    }
  }
}

export const isBeingMade = ({ layout }: Engine, id: SandboxId): boolean =>
  isHeld(sandboxFolder(layout.sandboxes, id).making)
