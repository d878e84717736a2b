/** Names of folders that are being made: each tells its maker, so that what one left that died is known at once. */
import { randomUUID } from 'node:crypto'
import { rename } from 'node:fs/promises'
import { isErrno } from './errno.ts'
import { findProcess, isSame } from './processes.ts'

const NAME = /^\.making-(\d+)-(\d+)-[0-9a-f-]{36}$/

/** A new name, in this process. */
export async function makingName(): Promise<string> {
  const maker = await findProcess(process.pid)
  // Of a maker that cannot be told from another nothing is ever taken away.
  return maker === undefined ? `.making-${randomUUID()}` : `.making-${maker.pid}-${maker.start}-${randomUUID()}`
}

/** Whether a folder of that name is being made no more; `false` for names of other kinds. */
export async function isLeftByItsMaker(name: string): Promise<boolean> {
  const [, pid, start] = NAME.exec(name) ?? []
  if (pid === undefined || start === undefined) return false
  return !(await isSame({ pid: Number(pid), start }))
}

/** Gives what was made its name, in one step; false when that is taken. A folder is never renamed over one that holds something. */
export async function renameIfFree(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    if (isErrno(error, 'ENOTEMPTY', 'EEXIST')) return false
    throw error
  }
}
