import { join } from 'node:path'

/** What an engine of this host keeps on disk. Everything about a sandbox is in its one folder. */
export type EngineLayout = {
  readonly root: string
  /** One folder a sandbox, named by its id; names that begin with a dot are being made or being removed. */
  readonly sandboxes: string
  /** What all sandboxes share, read-only. */
  readonly system: string
  readonly wire: string
  /** One folder a process that makes sandboxes, with FIFOs in stock. */
  readonly fifos: string
  /** Random name of this engine, made once. */
  readonly engine: string
}

export function engineLayout(root: string): EngineLayout {
  return {
    root,
    sandboxes: join(root, 'sandboxes'),
    system: join(root, 'system'),
    wire: join(root, 'wire'),
    fifos: join(root, 'fifos'),
    engine: join(root, 'engine'),
  }
}
