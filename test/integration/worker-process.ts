import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundleWorker } from '../../packages/sandbox-worker/bundle.ts'

export type ShippedWorker = {
  path: string
  cache: string
  /** Of Node, before the worker. */
  flags?: readonly string[]
}

/** The worker as it is shipped: one file. */
export async function shippedWorker(): Promise<AsyncDisposable & ShippedWorker> {
  const folder = await mkdtemp(join(tmpdir(), 'specfleet-worker-'))
  const path = join(folder, 'worker.mjs')
  await bundleWorker(path)
  return {
    path,
    cache: join(folder, 'cache'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

/** A worker that runs. */
export class WorkerProcess {
  readonly pid: number
  readonly exited: Promise<{ code: number | null; signal: string | null; stderr: string }>
  readonly #child: ChildProcess

  constructor({ path, cache, flags = [] }: ShippedWorker, env: Record<string, string>) {
    const child = spawn(process.execPath, [...flags, path], {
      env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: cache, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#child = child
    this.pid = child.pid ?? 0
    let stderr = ''
    child.stderr?.on('data', (chunk) => {
      stderr += String(chunk)
    })
    this.exited = once(child, 'close').then(([code, signal]) => ({ code, signal, stderr }))
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async end(): Promise<void> {
    this.kill('SIGKILL')
    await this.exited
  }
}
