import { statSync, watch } from 'node:fs'

export type WireWatch = Disposable & {
  /** Settles when who made the folder has removed it, also where it is mounted still. */
  readonly gone: Promise<void>
}

/** Where a folder cannot be watched, nothing is told of it. */
export function watchWire(folder: string | undefined): WireWatch {
  const { promise: gone, resolve } = Promise.withResolvers<void>()
  const watches = new DisposableStack()
  const look = (path: string) => (isGone(path) ? resolve() : undefined)
  if (folder !== undefined) {
    try {
      const watcher = watch(folder, () => look(folder))
      watches.defer(() => watcher.close())
      watcher.on('error', () => watcher.close())
      look(folder)
    } catch {
      // The host may have no watch left to give, and a runtime none at all.
    }
  }
  return { gone, [Symbol.dispose]: () => watches.dispose() }
}

/** A mount keeps a folder that no name leads to any more. */
const isGone = (folder: string): boolean => (statSync(folder, { throwIfNoEntry: false })?.nlink ?? 0) === 0
