import type { Limits } from './provider.ts'

/** Where control groups are on this host, of either version, and what is written into them. Pure. */
export const CONTROLLERS = ['memory', 'pids', 'cpu'] as const
export type Controller = (typeof CONTROLLERS)[number]
export type Hierarchy = { readonly version: 1 | 2; readonly mount: string }
export type Hierarchies = Partial<Record<Controller, Hierarchy>>

/**
 * @param mounts text of `/proc/mounts`
 * @param unified what `cgroup.controllers` of the version 2 mount lists; empty where there is none
 */
export function findHierarchies(mounts: string, unified: readonly string[]): Hierarchies {
  const table = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .map(([, mount = '', type = '', options = '']) => ({ mount, type, options: options.split(',') }))
  const second = unifiedMount(mounts)
  const found: Hierarchies = {}
  for (const controller of CONTROLLERS) {
    const first = table.find(({ type, options }) => type === 'cgroup' && options.includes(controller))
    if (first !== undefined) found[controller] = { version: 1, mount: first.mount }
    else if (second !== undefined && unified.includes(controller)) found[controller] = { version: 2, mount: second }
  }
  return found
}

export const unifiedMount = (mounts: string): string | undefined =>
  mounts
    .split('\n')
    .map((line) => line.split(' '))
    .find(([, , type]) => type === 'cgroup2')?.[1]

/** One value to write. An optional one is refused by kernels without that feature, which does no harm. */
export type Setting = { readonly file: string; readonly value: string; readonly optional: boolean }

const CPU_PERIOD_US = 100_000

export function settingsOf(controller: Controller, version: 1 | 2, limits: Limits): Setting[] {
  const bytes = String(Math.round(limits.memoryMb * 1024 * 1024))
  const quota = String(Math.max(1_000, Math.round(limits.cpus * CPU_PERIOD_US)))
  const set = (file: string, value: string, optional = false) => ({ file, value, optional })
  switch (controller) {
    case 'memory':
      return version === 1
        ? [set('memory.limit_in_bytes', bytes), set('memory.memsw.limit_in_bytes', bytes, true)]
        : [set('memory.max', bytes), set('memory.swap.max', '0', true)]
    case 'pids':
      return [set('pids.max', String(limits.pids))]
    case 'cpu':
      return version === 1
        ? [set('cpu.cfs_period_us', String(CPU_PERIOD_US)), set('cpu.cfs_quota_us', quota)]
        : [set('cpu.max', `${quota} ${CPU_PERIOD_US}`)]
  }
}

/** Files that count what a limit did, of both versions. */
export const MEMORY_EVENTS = ['memory.events', 'memory.oom_control'] as const
export const PIDS_EVENTS = 'pids.events'
