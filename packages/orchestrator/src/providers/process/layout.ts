import { join } from 'node:path'
import type { SandboxId } from '@specfleet/shared'
import { WIRE_FOLDER, WIRE_SOCKET } from '../wire/control-protocol.ts'

export type SandboxLayout = {
  readonly folder: string
  /** Written before the folder has its name: labels, limits, owner. */
  readonly record: string
  /** A FIFO that somebody holds open for writing for as long as the sandbox is being made or runs. */
  readonly alive: string
  /** A FIFO by which output reaches the process that keeps its end. */
  readonly out: string
  /** The first thing the shim writes: its own line of `/proc/self/stat`. */
  readonly shim: string
  /** Process id of what the shim waits for. */
  readonly job: string
  /** The last thing the shim writes: exit code and elapsed seconds. */
  readonly exit: string
  /** Why the engine ended it, one word, written before it was ended. */
  readonly ended: string
  /** Counters of a limit that ends with the sandbox, saved by the shim. */
  readonly events: string
  readonly log: string
  /** The environment until the sandbox has read it; not isolated, a worker reads it here and removes it. */
  readonly birth: string
  readonly envFile: string
  /** Only of a sandbox that is none: isolated, both are memory of its own. */
  readonly workspace: string
  readonly wire: string
  readonly socket: string
  readonly home: string
}

export const sandboxLayout = (sandboxes: string, id: SandboxId): SandboxLayout => folderLayout(join(sandboxes, id))

export function folderLayout(folder: string): SandboxLayout {
  const birth = join(folder, 'birth')
  const wire = join(folder, WIRE_FOLDER)
  return {
    folder,
    record: join(folder, 'sandbox.json'),
    alive: join(folder, 'alive'),
    out: join(folder, 'out'),
    shim: join(folder, 'shim'),
    job: join(folder, 'job'),
    exit: join(folder, 'exit'),
    ended: join(folder, 'ended'),
    events: join(folder, 'events'),
    log: join(folder, 'log'),
    birth,
    envFile: join(birth, 'env.json'),
    workspace: join(folder, 'workspace'),
    wire,
    socket: join(wire, WIRE_SOCKET),
    home: join(folder, 'home'),
  }
}
