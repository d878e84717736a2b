import { readFile } from 'node:fs/promises'
import { isErrno } from './errno.ts'

/** `undefined` when it is not there. */
export async function readIfAny(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENODEV', 'ENOTDIR')) return undefined
    throw error
  }
}
