/** Names of folders that are being made: each tells its maker, so that what one left that died is known at once. */
import { randomUUID } from 'node:crypto'
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
