/** How a worker is started inside of a sandbox that isolates. Pure. */
import { basename } from 'node:path'
import { INSIDE } from './inside.ts'
import { workerFlags } from './limits.ts'
import type { Limits } from './provider.ts'

/** In the folder of the compile cache. */
export const SNAPSHOT_FILE = basename(INSIDE.snapshot)

export type WorkerStart = {
  readonly limits: Limits
  /** Flags that its Node knows. */
  readonly nodeFlags: ReadonlySet<string>
  /** From a snapshot of a booted worker's memory, which takes half the time. */
  readonly snapshot: boolean
}

export const workerCommand = ({ limits, nodeFlags, snapshot }: WorkerStart): string[] => [
  INSIDE.node,
  ...workerFlags(limits, nodeFlags),
  ...(snapshot ? FROM_SNAPSHOT : []),
  INSIDE.bundle,
]

/** Makes the snapshot, where the cache's folder is writable. */
export const SNAPSHOT_COMMAND: readonly string[] = [
  ...[INSIDE.node, '--snapshot-blob', INSIDE.snapshot, '--build-snapshot', INSIDE.bundle],
]

const FROM_SNAPSHOT = ['--snapshot-blob', INSIDE.snapshot]
