import { join } from 'node:path'
import type { SandboxId } from '@specfleet/shared'
import { WIRE_FOLDER } from '../wire/control-protocol.ts'

/** What lies on this host beside a container. */
export type SandboxFolder = {
  readonly folder: string
  /** A FIFO that somebody holds open for writing for as long as the container is being made. */
  readonly making: string
  /** Mounted into the container; the forwarder listens in it. */
  readonly wire: string
  /** Why the engine ended it, one word, written before it was ended. */
  readonly ended: string
}

export const sandboxFolder = (sandboxes: string, id: SandboxId): SandboxFolder => folderAt(join(sandboxes, id))

export const folderAt = (folder: string): SandboxFolder => ({
  folder,
  making: join(folder, 'making'),
  wire: join(folder, WIRE_FOLDER),
  ended: join(folder, 'ended'),
})
