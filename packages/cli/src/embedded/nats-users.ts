import { randomUUID } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { listIfThere } from './optional-files.ts'
import { identityOf, isAlive } from './process-identity.ts'

/** One user of a shared server: a file named after its process. */
export type Registration = { file: string }

/** Says that this process uses the server. */
export async function register(folder: string): Promise<Registration> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, `${process.pid}-${identityOf(process.pid)?.startTime ?? ''}-${randomUUID()}`)
  await writeFile(file, '', { mode: 0o600 })
  return { file }
}

/** Takes the registration back, sweeps those of dead processes, and tells how many users are left. */
export async function leave(folder: string, { file }: Registration): Promise<number> {
  await rm(file, { force: true })
  const names = await listIfThere(folder)
  const dead = names.filter((name) => !isUserAlive(name))
  await Promise.all(dead.map((name) => rm(join(folder, name), { force: true })))
  return names.length - dead.length
}

function isUserAlive(name: string): boolean {
  const [pid = '', startTime = ''] = name.split('-')
  return isAlive({ pid: Number(pid), startTime })
}
