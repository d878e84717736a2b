import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import * as z from 'zod'

/** A process as others on its machine can recognise it, even when its pid is used again. */
export type ProcessIdentity = {
  /** The machine and its boot. */
  readonly host: string
  readonly pid: number
  /** Start time as the kernel tells it; empty where it tells none. */
  readonly pidStart: string
}

export function thisProcess(): ProcessIdentity {
  return { host: `${hostname()}/${bootId()}`, pid: process.pid, pidStart: startOf(process.pid) ?? '' }
}

/** Whether that very process is gone from this machine. */
export function isProcessGone({ pid, pidStart }: Pick<ProcessIdentity, 'pid' | 'pidStart'>): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH'
  }
  const start = startOf(pid)
  return pidStart !== '' && start !== undefined && start !== pidStart
}

const Manifest = z.looseObject({ version: z.string() })

/** The version of this package. */
export function packageVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return Manifest.parse(JSON.parse(manifest)).version
}

function bootId(): string {
  return readOr('/proc/sys/kernel/random/boot_id', 'unknown-boot').trim()
}

/** Field 22 of `/proc/<pid>/stat`; the second field may hold spaces and brackets, so it counts from the last one. */
function startOf(pid: number): string | undefined {
  const stat = readOr(`/proc/${pid}/stat`, '')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return otherwise
  }
}
