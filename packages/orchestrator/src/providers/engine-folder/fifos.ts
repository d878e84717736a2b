/**
 * FIFOs made ahead of need. Node can make none by itself, and a process for each takes longer than all else of a
 * sandbox's folder.
 */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { EngineLayout } from './layout.ts'
import { isLeftByItsMaker, makingName } from './making.ts'
import { exists } from './place.ts'

const run = promisify(execFile)

const AT_ONCE = 16
/** With fewer in stock, more are made. */
const LOW = 8

export class Fifos implements AsyncDisposable {
  readonly #folder: string
  readonly #stock: string[] = []
  #making: Promise<void> | undefined

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Also removes what is left of processes that are gone. @throws Error of the system */
  static async open({ fifos }: EngineLayout): Promise<Fifos> {
    await mkdir(fifos, { recursive: true, mode: 0o700 })
    for (const name of await readdir(fifos))
      if (await isLeftByItsMaker(name)) await rm(join(fifos, name), { recursive: true, force: true })
    return new Fifos(join(fifos, await makingName()))
  }

  /** Puts one at each path, for its owner only. @throws Error of the system */
  async place(...paths: readonly string[]): Promise<void> {
    await Promise.all(paths.map((path) => this.#place(path)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#making?.catch(() => undefined)
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #place(path: string, isLast = false): Promise<void> {
    while (this.#stock.length === 0) await this.#make()
    const fifo = this.#stock.pop() ?? ''
    if (this.#stock.length < LOW) this.#make().catch(() => undefined)
    try {
      await rename(fifo, path)
    } catch (error) {
      if (isLast || (await exists(fifo))) throw error
      // Somebody tidied up: what else there was is gone as well.
      this.#stock.length = 0
      await this.#place(path, true)
    }
  }

  #make(): Promise<void> {
    this.#making ??= this.#makeMore().finally(() => {
      this.#making = undefined
    })
    return this.#making
  }

  async #makeMore(): Promise<void> {
    const made = Array.from({ length: AT_ONCE }, () => join(this.#folder, randomUUID()))
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    await run('mkfifo', ['-m', '600', ...made])
    this.#stock.push(...made)
  }
}
