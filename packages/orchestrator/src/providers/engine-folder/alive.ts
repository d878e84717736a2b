/**
 * Life told by a FIFO. Somebody holds its write end for as long as a sandbox is being made or runs; the
 * kernel closes that end however the holder goes, and every reader, in any process, gets the end of file.
 * No process id is involved, so none can be mistaken for another.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { Socket } from 'node:net'
import { isErrno } from './errno.ts'

const READ = constants.O_RDONLY | constants.O_NONBLOCK

/** The write end, until it is disposed of; a child that is given the descriptor holds it too. */
export type Hold = Disposable & { readonly descriptor: number }

/** Never waits for a reader. */
export function hold(fifo: string): Hold {
  const descriptor = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK)
  let held = true
  return {
    descriptor,
    [Symbol.dispose]: () => {
      if (held) closeSync(descriptor)
      held = false
    },
  }
}

/** Whether somebody holds it now. `false`, too, when there is no such FIFO. */
export function isHeld(fifo: string): boolean {
  const descriptor = openReader(fifo)
  if (descriptor === undefined) return false
  try {
    return hasWriter(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Calls once when nobody holds it any more, which may be at once; never after disposal. Does not keep the
 * process alive.
 */
export function whenReleased(fifo: string, released: () => void): Disposable {
  let disposed = false
  const tell = () => {
    if (!disposed) released()
  }
  const dispose = (end: () => void) => ({
    [Symbol.dispose]: () => {
      disposed = true
      end()
    },
  })
  const descriptor = openReader(fifo)
  // Without a writer at the time of opening, a poll would wait for the first one: it must be asked.
  if (descriptor === undefined || !hasWriter(descriptor)) {
    if (descriptor !== undefined) closeSync(descriptor)
    queueMicrotask(tell)
    return dispose(() => {})
  }
  const reader = new Socket({ fd: descriptor, readable: true, writable: false })
  reader.once('close', tell)
  reader.on('error', () => reader.destroy())
  reader.resume()
  reader.unref()
  return dispose(() => reader.destroy())
}

function openReader(fifo: string): number | undefined {
  try {
    return openSync(fifo, READ)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Nobody ever writes: a read finds either nothing yet, or the end. */
function hasWriter(descriptor: number): boolean {
  try {
    return readSync(descriptor, Buffer.alloc(1)) !== 0
  } catch (error) {
    if (isErrno(error, 'EAGAIN')) return true
    throw error
  }
}
