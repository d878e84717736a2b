import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { SpecfleetError } from '@specfleet/shared'

const run = promisify(execFile)

export type WorkerBundleOptions = {
  /** Chosen by the operator; nothing else is looked for then. */
  readonly chosen: string | undefined
  /** Where a bundle that has to be built is kept. */
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
}

/**
 * The worker as one file: the one that was chosen, else the one that was packaged beside
 * us, else, in a checkout of the source, one that is built now. It is built by a process of
 * its own, since nothing of the worker may become part of the orchestrator.
 * @throws SpecfleetError `worker.bundle`.
 */
export async function findWorkerBundle({ chosen, folder, env }: WorkerBundleOptions): Promise<string> {
  if (chosen !== undefined) {
    if (existsSync(chosen)) return chosen
    throw new SpecfleetError('worker.bundle', `WORKER_BUNDLE: ${chosen} does not exist`)
  }
  const packaged = fileURLToPath(new URL('./worker.mjs', import.meta.url))
  if (existsSync(packaged)) return packaged
  const builder = new URL('../../sandbox-worker/bundle.ts', import.meta.url)
  if (!existsSync(builder)) throw new SpecfleetError('worker.bundle', `there is none at ${packaged}`)
  return build(builder, folder, env)
}

const BUILD = 'const { bundleWorker } = await import(process.argv[1]); await bundleWorker(process.argv[2])'
const BUILD_LIMIT_MS = 60_000

async function build(builder: URL, folder: string, env: Readonly<Record<string, string>>): Promise<string> {
  const fresh = join(folder, `building-${process.pid}.mjs`)
  try {
    await mkdir(folder, { recursive: true })
    const args = ['--input-type=module', '--eval', BUILD, builder.href, fresh]
    await run(process.execPath, args, { env, timeout: BUILD_LIMIT_MS })
    // Named after its content: a sandbox that runs an older one keeps its file.
    const hash = createHash('sha256')
      .update(await readFile(fresh))
      .digest('hex')
    const path = join(folder, `worker-${hash.slice(0, 16)}.mjs`)
    await rename(fresh, path)
    return path
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message.split('\n').slice(0, 3).join(' ') : String(cause)
    throw new SpecfleetError('worker.bundle', detail, { cause })
  }
}
