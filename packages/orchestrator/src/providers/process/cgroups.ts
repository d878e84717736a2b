import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  CONTROLLERS,
  type Controller,
  findHierarchies,
  type Hierarchies,
  MEMORY_EVENTS,
  PIDS_EVENTS,
  settingsOf,
  unifiedMount,
} from '../cgroup-layout.ts'
import { isErrno } from '../engine-folder/errno.ts'
import { readIfAny } from '../engine-folder/read-if-any.ts'
import { evidenceIn, type LimitEvidence } from '../post-mortem.ts'
import type { Limits } from '../provider.ts'

/** The control groups this process may make. They lie at the top, so that no service's end takes them along. */
async function findCgroups(): Promise<Hierarchies> {
  const mounts = await readFile('/proc/mounts', 'utf8')
  const unified = unifiedMount(mounts)
  if (unified === undefined) return findHierarchies(mounts, [])
  const available = await words(join(unified, 'cgroup.controllers'))
  const wanted = CONTROLLERS.filter((controller) => available.includes(controller))
  await enable(unified, wanted)
  return findHierarchies(mounts, await words(join(unified, 'cgroup.subtree_control')))
}

async function enable(unified: string, controllers: readonly Controller[]): Promise<void> {
  for (const controller of controllers) {
    try {
      await writeFile(join(unified, 'cgroup.subtree_control'), `+${controller}`)
    } catch (error) {
      // Inside somebody else's group it cannot be had; what is missing is then told as missing.
      if (!isErrno(error, 'EBUSY', 'EACCES', 'EPERM', 'EROFS', 'EINVAL', 'ENOTSUP')) throw error
    }
  }
}

const words = async (path: string): Promise<string[]> => (await readFile(path, 'utf8')).trim().split(/\s+/)

/** The folders of one sandbox's groups; version 2 has one for all controllers. */
export const cgroupFolders = (hierarchies: Hierarchies, name: string): string[] => [
  ...new Set(Object.values(hierarchies).map(({ mount }) => join(mount, name))),
]

/** Makes the groups with their limits. @throws Error of the file system; what was made stays for `removeCgroups` */
export async function makeCgroups(hierarchies: Hierarchies, name: string, limits: Limits): Promise<void> {
  for (const controller of CONTROLLERS) {
    const hierarchy = hierarchies[controller]
    if (hierarchy === undefined) continue
    const folder = join(hierarchy.mount, name)
    await mkdir(folder, { recursive: true })
    for (const { file, value, optional } of settingsOf(controller, hierarchy.version, limits)) {
      try {
        await writeFile(join(folder, file), value, { flag: 'r+' })
      } catch (error) {
        if (!optional) throw error
      }
    }
  }
}

const PROBE_LIMITS: Limits = { memoryMb: 64, diskMb: 16, cpus: 1, pids: 64, wallClockMinutes: 1, outputMb: 1 }

/** Which controllers really take a limit here, found out by making a group and removing it. */
export async function usableCgroups(name: string): Promise<Hierarchies> {
  const found = await findCgroups()
  const usable: Hierarchies = {}
  for (const controller of CONTROLLERS) {
    const hierarchy = found[controller]
    if (hierarchy === undefined) continue
    const one = { [controller]: hierarchy }
    try {
      await makeCgroups(one, name, PROBE_LIMITS)
      usable[controller] = hierarchy
    } catch (error) {
      if (!isErrno(error, 'EACCES', 'EPERM', 'EROFS', 'ENOENT', 'EBUSY', 'EINVAL')) throw error
    } finally {
      await removeCgroups(cgroupFolders(one, name))
    }
  }
  return usable
}

/** What the counters of a sandbox's control groups tell of its limits; a group that is gone tells nothing. */
export async function cgroupEvidence(folders: readonly string[]): Promise<LimitEvidence> {
  const texts = async (name: string) =>
    (await Promise.all(folders.map((folder) => readIfAny(join(folder, name))))).join('\n')
  const memory = await Promise.all(MEMORY_EVENTS.map(texts))
  return evidenceIn(memory.join('\n'), await texts(PIDS_EVENTS))
}

const REMOVAL_ATTEMPTS = 200

/**
 * Kills what is in the groups and removes them; those that are gone are no error.
 * @throws Error `EBUSY` when a process cannot be killed
 */
export async function removeCgroups(folders: readonly string[]): Promise<void> {
  await Promise.all(folders.map(removeCgroup))
}

async function removeCgroup(folder: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await rmdir(folder)
      return
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return
      if (!isErrno(error, 'EBUSY') || attempt === REMOVAL_ATTEMPTS) throw error
    }
    for (const pid of await members(folder)) killIfThere(pid)
    // Version 1 tells nobody when a group runs empty, and a dying process counts until it is reaped.
    await new Promise((resolve) => setTimeout(resolve, Math.min(2 + attempt, 25)))
  }
}

async function members(folder: string): Promise<number[]> {
  const text = (await readIfAny(join(folder, 'cgroup.procs'))) ?? ''
  // 0 stands for a process that this one cannot name.
  return text
    .split('\n')
    .map(Number)
    .filter((pid) => pid > 0)
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!isErrno(error, 'ESRCH')) throw error
  }
}
