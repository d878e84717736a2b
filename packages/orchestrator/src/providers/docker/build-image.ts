import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SpecfleetError } from '@specfleet/shared'
import type { EngineClient } from './engine-client.ts'

/** Beside the published package's code, else at the root of a source checkout. */
const PLACES = ['./worker.Dockerfile', '../../../../../infra/worker.Dockerfile']

export type ImageBuild = {
  readonly name: string
  /** Which worker is in it. */
  readonly version: string
  /** The worker, one file. */
  readonly bundle: string
  /** Instead of the recipe's own. */
  readonly base: string | undefined
  /** Told what the engine says meanwhile, line by line. */
  readonly onLine: (line: string) => void
}

/**
 * Builds the image on the engine: the base, the worker, and the Node that runs this very process.
 * @throws SpecfleetError `provider.image` with the engine's words when it cannot be built
 */
export async function buildImage(client: EngineClient, build: ImageBuild): Promise<void> {
  const recipe = PLACES.map((place) => fileURLToPath(new URL(place, import.meta.url))).find((path) => existsSync(path))
  if (recipe === undefined) throw new SpecfleetError('internal', 'the recipe of the image is missing')
  const folder = await mkdtemp(join(tmpdir(), 'specfleet-image-'))
  try {
    await copyFile(recipe, join(folder, 'Dockerfile'))
    await copyFile(build.bundle, join(folder, 'worker.mjs'))
    await copyFile(process.execPath, join(folder, 'node'))
    await chmod(join(folder, 'node'), 0o755)
    const args = { WORKER: build.version, ...(build.base === undefined ? {} : { BASE_IMAGE: build.base }) }
    const files = ['Dockerfile', 'worker.mjs', 'node']
    await client.images.build({ folder, files, name: build.name, args }, build.onLine)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
