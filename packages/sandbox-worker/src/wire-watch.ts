import { type FSWatcher, statSync, watch } from 'node:fs'

export type WireWatch = Disposable & {
  /** Settles when who made the folder has removed it, also where it is mounted still. */
  readonly gone: Promise<void>
  /** Settles when there is something at that path in it; at once where that cannot be told. */
  there(path: string): Promise<void>
}

/** Where a folder cannot be watched, nothing is told of it. */
export function watchWire(folder: string | undefined): WireWatch {
  const looks = new Set<() => void>()
  const watcher = folder === undefined ? undefined : tryToWatch(folder, looks)
  const until = (holds: () => boolean): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    looks.add(() => (holds() ? resolve() : undefined))
    if (holds()) resolve()
    return promise
  }
  return {
    gone: watcher === undefined || folder === undefined ? new Promise(() => {}) : until(() => isGone(folder)),
    there: async (path) => (watcher === undefined ? undefined : until(() => isThere(path))),
    [Symbol.dispose]: () => watcher?.close(),
  }
}

function tryToWatch(folder: string, looks: ReadonlySet<() => void>): FSWatcher | undefined {
  try {
    const watcher = watch(folder, () => {
      for (const look of looks) look()
    })
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    // The host may have no watch left to give, and a runtime none at all.
    return undefined
  }
}

/** A mount keeps a folder that no name leads to any more. */
const isGone = (folder: string): boolean => (statSync(folder, { throwIfNoEntry: false })?.nlink ?? 0) === 0
const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined
