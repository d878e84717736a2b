import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type SandboxId, SpecfleetError } from '@specfleet/shared'
import { isHeld, whenReleased } from '../engine-folder/alive.ts'
import { isErrno } from '../engine-folder/errno.ts'
import { isLeftByItsMaker } from '../engine-folder/making.ts'
import { exists } from '../engine-folder/place.ts'
import { parseStat, processesOf, signalProcess } from '../engine-folder/processes.ts'
import { readIfAny } from '../engine-folder/read-if-any.ts'
import { removeCgroups } from './cgroups.ts'
import type { Engine } from './engine.ts'
import { findShim, readRecord, unfinishedFolders } from './find-sandbox.ts'
import { PROGRAM_PATH } from './host-abilities.ts'
import { folderLayout, type SandboxLayout, sandboxLayout } from './layout.ts'
import type { SandboxRecord } from './record.ts'

const run = promisify(execFile)

const DEAD = '.dead-'
const KILL_ROUNDS = 10
const ROUND_MS = 500

/**
 * Removes a sandbox, running or not. The first step takes its name away, in one step for whoever else may be
 * destroying it; the rest can be done again by anybody who finds the folder.
 */
export async function destroySandbox(engine: Engine, id: SandboxId): Promise<void> {
  const sandbox = sandboxLayout(engine.layout.sandboxes, id)
  if (!(await exists(sandbox.folder))) return
  // First the wire: its socket is removed where it was made, and the sandbox can say no more.
  await engine.wire.close(id)
  const dead = folderLayout(join(engine.layout.sandboxes, `${DEAD}${randomUUID()}`))
  try {
    await rename(sandbox.folder, dead.folder)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return
    throw error
  }
  await finishDestroying(engine, dead)
}

/** Finishes what processes that have died left half done. */
export async function sweep(engine: Engine): Promise<void> {
  for (const name of await unfinishedFolders(engine.layout.sandboxes)) {
    const folder = folderLayout(join(engine.layout.sandboxes, name))
    if (name.startsWith(DEAD) || (await isLeftByItsMaker(name))) await finishDestroying(engine, folder)
  }
}

async function finishDestroying(engine: Engine, dead: SandboxLayout): Promise<void> {
  const record = await readRecord(dead)
  if (record !== undefined) {
    await endProcesses(engine, dead, record)
    if (record.confinement.kind === 'cgroup') await removeCgroups(record.confinement.folders)
  }
  await removeFolder(dead.folder)
}

async function endProcesses(engine: Engine, dead: SandboxLayout, { id, mark, isolated }: SandboxRecord): Promise<void> {
  const shim = await findShim(dead)
  if (shim !== undefined) await signalProcess(shim, 'SIGKILL')
  // An isolated sandbox that told its exit has nothing left: its end of the output was closed before that.
  if (isolated && (await readIfAny(dead.exit)) !== undefined) return
  const known = parseStat((await readIfAny(dead.shim)) ?? '')
  for (let round = 0; round < KILL_ROUNDS; round++) {
    const left = await processesOf({ mark, folder: dead.folder, shim: known?.pid })
    for (const one of left) await signalProcess(one, 'SIGKILL')
    if (left.length === 0 && !isHeld(dead.alive)) return
    await released(engine, dead)
  }
  throw new SpecfleetError('provider.failed', `processes of ${id} cannot be killed`)
}

/** Waits for the end of the hold, and where that is not the last to go, a moment. */
function released(engine: Engine, { alive }: SandboxLayout): Promise<void> {
  return new Promise((resolve) => {
    const held = isHeld(alive)
    const done = () => {
      watch[Symbol.dispose]()
      limit[Symbol.dispose]()
      resolve()
    }
    const limit = engine.clock.after(held ? ROUND_MS : ROUND_MS / 50, done)
    const watch = held ? whenReleased(alive, done) : { [Symbol.dispose]: () => {} }
  })
}

/** By `rm`, which goes down from folder to folder: what a sandbox leaves may be deeper than a path can be long. */
async function removeFolder(folder: string): Promise<void> {
  const options = { env: { PATH: PROGRAM_PATH } }
  try {
    await run('rm', ['-rf', '--one-file-system', '--', folder], options)
  } catch {
    // A folder that its owner may not enter can be opened by its owner.
    await run('chmod', ['-R', 'u+rwX', '--', folder], options)
    await run('rm', ['-rf', '--one-file-system', '--', folder], options)
  }
}
