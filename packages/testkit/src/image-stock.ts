import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { baseArchive, baseImage } from './docker-base-image.ts'
import { startDocker, type TestDocker, type TestDockerOptions } from './docker-engine.ts'

const run = promisify(execFile)

/**
 * To import the base image takes a new engine seconds. Its layers are files that nobody changes, so an engine that is
 * new each time is given links to those that an earlier one made.
 */
const STOCK = join(tmpdir(), 'specfleet-test-image-stock')

/** The one driver whose layers are folders that can be linked; under another the image is imported each time. */
const DRIVER = 'overlay2'

/** An engine that has the base image from the beginning, and the name of it. */
export type StockedDocker = { readonly docker: TestDocker; readonly image: string }

/** @throws Error as `startDocker` and `baseImage` do */
export async function startStockedDocker(options: Omit<TestDockerOptions, 'fill'> = {}): Promise<StockedDocker> {
  const archive = await baseArchive()
  if (archive.kind === 'none') throw new Error(archive.reason)
  const stock = join(STOCK, archive.tag)
  const docker = await startDocker({ ...options, fill: (data) => draw(stock, data) })
  try {
    const image = await baseImage(docker)
    await keep(join(docker.root, 'data'), stock)
    return { docker, image }
  } catch (error) {
    await docker.stop()
    throw error
  }
}

/** What an engine writes to is copied; layers are only read, under those of its containers. */
async function draw(stock: string, data: string): Promise<void> {
  if (!existsSync(stock)) return
  await mkdir(data, { mode: 0o710 })
  await run('cp', ['--archive', join(stock, 'image'), data])
  await run('cp', ['--archive', '--link', join(stock, DRIVER), data])
}

/**
 * Of an engine that has nothing else yet: there whole or not at all, whoever else does the same. Layers of an engine
 * that runs cannot be linked, since it mounts their folder.
 */
async function keep(data: string, stock: string): Promise<void> {
  if (existsSync(stock) || !existsSync(join(data, 'image', DRIVER))) return
  const part = `${stock}.${randomUUID()}.part`
  try {
    await mkdir(part, { recursive: true, mode: 0o700 })
    await run('cp', ['--archive', join(data, 'image'), join(data, DRIVER), part])
    await rename(part, stock)
  } catch (error) {
    // Somebody else put it there first.
    if (!existsSync(stock)) throw error
  } finally {
    await rm(part, { recursive: true, force: true })
  }
}
