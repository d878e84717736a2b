import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { engineLayout } from '../../orchestrator/src/providers/engine-folder/layout.ts'

const run = promisify(execFile)

/**
 * What all sandboxes of an engine share (a copy of Node, the worker, its compile cache) takes a new engine a second
 * to make. Engines of tests are new each time, so they are stocked with what earlier ones left: every entry is named
 * after its content, and never changed once it is there, so links to it do.
 */
const STOCK = join(tmpdir(), 'specfleet-test-engine-stock')

/** Gives a new engine what there is in stock. */
export async function drawFromStock(engineRoot: string): Promise<void> {
  const { root, system } = engineLayout(engineRoot)
  await mkdir(system, { recursive: true })
  for (const folder of [root, system]) await chmod(folder, 0o711)
  await copyMissing(STOCK, system)
}

/** Keeps what that engine has made. */
export async function addToStock(engineRoot: string): Promise<void> {
  const { system } = engineLayout(engineRoot)
  if (!existsSync(system)) return
  await mkdir(STOCK, { recursive: true, mode: 0o711 })
  await copyMissing(system, STOCK)
  await removeOldPrograms(await readdir(system))
}

/** A copy of Node is large, and each checkout has another: only those of the last engine are kept. */
async function removeOldPrograms(kept: readonly string[]): Promise<void> {
  const old = (await readdir(STOCK)).filter((name) => name.startsWith('program-') && !kept.includes(name))
  await Promise.all(old.map((name) => rm(join(STOCK, name), { force: true })))
}

/** An entry is there whole or not at all, whoever else copies it at the same time. */
async function copyMissing(from: string, to: string): Promise<void> {
  const names = existsSync(from) ? await readdir(from) : []
  for (const name of names.filter((each) => !each.endsWith('.part') && !existsSync(join(to, each)))) {
    const part = join(to, `${name}.${randomUUID()}.part`)
    try {
      await run('cp', ['--archive', '--link', join(from, name), part])
      await rename(part, join(to, name))
    } catch (error) {
      // Somebody else put it there first, or took it out of the stock.
      if (!existsSync(join(to, name)) && existsSync(join(from, name))) throw error
    } finally {
      await rm(part, { recursive: true, force: true })
    }
  }
}
