import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unifiedMount } from '../cgroup-layout.ts'
import { readIfAny } from '../engine-folder/read-if-any.ts'
import { countsProcesses } from '../process-counter.ts'
import { findShim, readRecord } from './find-sandbox.ts'
import type { SandboxLayout } from './layout.ts'

/** The control group that counts the processes of a sandbox, where there is one. */
export async function processGroupOf(layout: SandboxLayout): Promise<string | undefined> {
  const confinement = (await readRecord(layout))?.confinement
  switch (confinement?.kind) {
    case 'cgroup':
      return confinement.folders.find(countsProcesses)
    case 'scope': {
      const [shim, mount] = await Promise.all([findShim(layout), readFile('/proc/mounts', 'utf8').then(unifiedMount)])
      const group = shim === undefined ? undefined : await readIfAny(`/proc/${shim.pid}/cgroup`)
      const path = group?.split('\n').find((line) => line.startsWith('0::'))
      return mount === undefined || path === undefined ? undefined : join(mount, path.slice('0::'.length))
    }
    default:
      return undefined
  }
}
