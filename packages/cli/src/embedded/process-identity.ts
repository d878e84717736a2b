import { readFileSync } from 'node:fs'
import { isErrno } from './optional-files.ts'

/** A process, told apart from a later one that got the same number. */
export type ProcessIdentity = {
  pid: number
  /** Kernel ticks at its start; empty where the system has no `/proc`, and then the number alone must do. */
  startTime: string
}

/** The process with this number as it lives now; `undefined` when there is none, or only its remains. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  if (process.platform !== 'linux') return answersSignals(pid) ? { pid, startTime: '' } : undefined
  const stat = readProc(pid, 'stat')
  if (stat === undefined) return undefined
  // the name in parentheses may hold blanks and parentheses itself, so fields are counted from behind it
  const [state = 'X', ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return state === 'Z' || state === 'X' ? undefined : { pid, startTime: rest[18] ?? '' }
}

export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  return identityOf(pid)?.startTime === startTime
}

/** Whether a process with this number lives and, where that can be read, was started with this argument. */
export function runsWithArgument(pid: number, argument: string): boolean {
  if (process.platform !== 'linux') return answersSignals(pid)
  return identityOf(pid) !== undefined && (readProc(pid, 'cmdline') ?? '').split('\0').includes(argument)
}

function readProc(pid: number, file: 'stat' | 'cmdline'): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH')) return undefined
    throw error
  }
}

function answersSignals(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return isErrno(error, 'EPERM')
  }
}
