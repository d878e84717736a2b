/** What is the same inside of every sandbox that isolates, whichever engine made it. */

/** Who the worker is inside. */
export const INSIDE_UID = 1000

/** Paths inside. */
export const INSIDE = {
  workspace: '/workspace',
  home: '/home/agent',
  wire: '/run/sf',
  busUrl: 'unix:/run/sf/bus.sock',
  bin: '/opt/specfleet/bin',
  node: '/opt/specfleet/bin/node',
  bundle: '/opt/specfleet/worker.mjs',
  compileCache: '/opt/specfleet/cache',
  snapshot: '/opt/specfleet/cache/worker.snapshot',
} as const

export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * What every process in a sandbox begins with; nothing of the host's is in it.
 * @param descriptor by which the worker inherits its own environment, which holds the credential
 * @param path where the programs of its system are
 */
export function insideEnvironment(descriptor: number, path: string = SYSTEM_PATH): Record<string, string> {
  return {
    PATH: `${INSIDE.bin}:${path}`,
    HOME: INSIDE.home,
    TMPDIR: '/tmp',
    LANG: 'C.UTF-8',
    SPECFLEET_ENV_FILE: `/proc/self/fd/${descriptor}`,
    NODE_COMPILE_CACHE: INSIDE.compileCache,
    // Large pieces of memory come in large pages: most of a start from a snapshot is pages that are touched first.
    GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
  }
}
