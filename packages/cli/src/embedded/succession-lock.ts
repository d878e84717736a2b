import { randomUUID } from 'node:crypto'
import { watch } from 'node:fs'
import { link, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { isErrno, listIfThere, readIfThere } from './optional-files.ts'
import { identityOf, isAlive } from './process-identity.ts'

/**
 * A lock between processes that survives the death of its holder.
 *
 * Its folder holds one numbered file a generation. Invariants:
 * 1. Who creates generation n + 1, after it saw that n is released or its holder dead, and then finds no higher
 *    one, holds the lock. Creation is exclusive, so two can never hold the same generation.
 * 2. The highest generation is removed by nobody: releasing it only marks it, and the next holder sweeps what is
 *    older. So somebody who looked long ago and creates an old generation finds the higher one, and withdraws.
 */
export async function withLock<T>(folder: string, signal: AbortSignal, body: () => Promise<T>): Promise<T> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const generation = await acquire(folder, signal)
  try {
    return await body()
  } finally {
    await release(folder, generation)
  }
}

const Holder = z.object({ pid: z.int(), startTime: z.string() })
const RELEASED = 'released'

/** A holder's death tells nobody, so that is looked for this often, in milliseconds. */
const DEATH_CHECK_MS = 250

async function acquire(folder: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    signal.throwIfAborted()
    const highest = await highestGeneration(folder)
    if (await isHeld(folder, highest)) {
      await changeIn(folder, () => isHeld(folder, highest), signal)
      continue
    }
    const mine = highest + 1
    if (!(await create(folder, mine))) continue
    if ((await highestGeneration(folder)) === mine) {
      await sweepBelow(folder, mine)
      return mine
    }
    await rm(join(folder, String(mine)), { force: true })
  }
}

async function generationsIn(folder: string): Promise<number[]> {
  return (await listIfThere(folder)).filter((name) => /^\d+$/.test(name)).map(Number)
}

async function highestGeneration(folder: string): Promise<number> {
  return Math.max(0, ...(await generationsIn(folder)))
}

async function isHeld(folder: string, generation: number): Promise<boolean> {
  const text = await readIfThere(join(folder, String(generation)))
  if (text === undefined || text === RELEASED) return false
  return isAlive(Holder.parse(JSON.parse(text)))
}

/** Whether this process created the generation; its content is there from the first moment. */
async function create(folder: string, generation: number): Promise<boolean> {
  const draft = await writeDraft(folder, JSON.stringify(identityOf(process.pid)))
  try {
    await link(draft, join(folder, String(generation)))
    return true
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

async function release(folder: string, generation: number): Promise<void> {
  await rename(await writeDraft(folder, RELEASED), join(folder, String(generation)))
}

async function writeDraft(folder: string, text: string): Promise<string> {
  const draft = join(folder, `draft-${randomUUID()}`)
  await writeFile(draft, text, { mode: 0o600 })
  return draft
}

async function sweepBelow(folder: string, generation: number): Promise<void> {
  const older = (await generationsIn(folder)).filter((other) => other < generation)
  await Promise.all(older.map((other) => rm(join(folder, String(other)), { force: true })))
}

/** Settles when something in the folder changes, or when it is time to look for a dead holder. */
function changeIn(folder: string, isUnchanged: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const watcher = watch(folder)
    const settle = (finish: () => void) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      watcher.close()
      finish()
    }
    const done = () => settle(resolve)
    const fail = (error: unknown) => settle(() => reject(error))
    const onAbort = () => fail(signal.reason)
    const timer = setTimeout(done, DEATH_CHECK_MS)
    watcher.once('change', done).once('error', fail)
    signal.addEventListener('abort', onAbort, { once: true })
    // what changed before the watcher was there made no event
    isUnchanged().then((unchanged) => (unchanged ? undefined : done()), fail)
  })
}
