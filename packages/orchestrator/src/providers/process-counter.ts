import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { isErrno } from './engine-folder/errno.ts'
import { readIfAny } from './engine-folder/read-if-any.ts'
import type { ProcessCount } from './fork-bomb.ts'
import { counter } from './post-mortem.ts'

/** One short line for each kind of event. */
const EVENTS_BYTES = 256

/**
 * What the control group of one sandbox counts. What is looked at every second of every sandbox is one file that
 * stays open and is read in place: the kernel makes it up from its memory, so nobody waits for a disk meanwhile.
 */
export class ProcessCounter implements Disposable {
  readonly #folder: string
  readonly #events: number
  readonly #buffer = Buffer.allocUnsafe(EVENTS_BYTES)
  #closed = false

  private constructor(folder: string, events: number) {
    this.#folder = folder
    this.#events = events
  }

  /** `undefined` when the group counts no processes, or is gone. */
  static open(folder: string): ProcessCounter | undefined {
    try {
      return new ProcessCounter(folder, openSync(join(folder, 'pids.events'), 'r'))
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENODEV', 'ENOTDIR')) return undefined
      throw error
    }
  }

  /** How many processes could not be made, ever; `undefined` when the group is gone. */
  refused(): number | undefined {
    if (this.#closed) return undefined
    try {
      const length = readSync(this.#events, this.#buffer, 0, EVENTS_BYTES, 0)
      return counter(this.#buffer.toString('latin1', 0, length), 'max')
    } catch (error) {
      if (isErrno(error, 'ENODEV')) return undefined
      throw error
    }
  }

  /** All of it; `undefined` when the group is gone. */
  async count(): Promise<ProcessCount | undefined> {
    const refused = this.refused()
    if (refused === undefined) return undefined
    const read = (name: string) => readIfAny(join(this.#folder, name))
    const [current, most] = await Promise.all([read('pids.current'), read('pids.max')])
    return { refused, current: Number(current ?? 0), most: Number(most ?? Number.NaN) }
  }

  [Symbol.dispose](): void {
    if (!this.#closed) closeSync(this.#events)
    this.#closed = true
  }
}

/** Whether the processes of that control group are counted. */
export function countsProcesses(folder: string): boolean {
  using found = ProcessCounter.open(folder)
  return found !== undefined
}
