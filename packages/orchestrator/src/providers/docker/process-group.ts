import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findHierarchies, unifiedMount } from '../cgroup-layout.ts'
import { isErrno } from '../engine-folder/errno.ts'

/** The control group that counts a container's processes; `undefined` when this host cannot see it. */
export async function processGroupOf(pid: number): Promise<string | undefined> {
  if (pid === 0) return undefined
  try {
    const [groups, mounts] = await Promise.all([
      readFile(`/proc/${pid}/cgroup`, 'utf8'),
      readFile('/proc/mounts', 'utf8'),
    ])
    return processGroupIn(groups, mounts)
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH')) return undefined
    throw error
  }
}

/**
 * Pure.
 * @param groups text of `/proc/<pid>/cgroup`
 * @param mounts text of `/proc/mounts`
 */
export function processGroupIn(groups: string, mounts: string): string | undefined {
  const lines = groups.split('\n').map((line) => /^\d+:(?<controllers>[^:]*):(?<path>.*)$/.exec(line)?.groups)
  const pathOf = (is: (controllers: string) => boolean) => lines.find((line) => is(line?.controllers ?? ' '))?.path
  const first = pathOf((controllers) => controllers.split(',').includes('pids'))
  const mount = findHierarchies(mounts, []).pids?.mount
  if (first !== undefined && mount !== undefined) return join(mount, first)
  const second = pathOf((controllers) => controllers === '')
  const unified = unifiedMount(mounts)
  return second === undefined || unified === undefined ? undefined : join(unified, second)
}
