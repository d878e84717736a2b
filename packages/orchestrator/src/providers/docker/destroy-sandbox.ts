import { rm } from 'node:fs/promises'
import type { SandboxId } from '@specfleet/shared'
import { isHeld } from '../engine-folder/alive.ts'
import { containerName } from './container.ts'
import type { Engine } from './engine.ts'
import { sandboxFolder } from './layout.ts'

/** Removes a sandbox, running or not, and what lies beside it. The wire goes first: it can say no more. */
export async function destroySandbox(engine: Engine, id: SandboxId): Promise<void> {
  await engine.wire.close(id)
  await engine.client.remove(containerName(engine.fleet, id))
  await rm(sandboxFolder(engine.layout.sandboxes, id).folder, { recursive: true, force: true })
}

/** Whether somebody is at work on it, here or in another process. */
export const isBeingMade = ({ layout }: Engine, id: SandboxId): boolean =>
  isHeld(sandboxFolder(layout.sandboxes, id).making)
