import { readdir } from 'node:fs/promises'
import { basename } from 'node:path'
import { type ExitReport, SandboxId } from '@specfleet/shared'
import { parseIfJson } from '../../parse-if-json.ts'
import { isHeld } from '../engine-folder/alive.ts'
import { isErrno } from '../engine-folder/errno.ts'
import { findProcess, isSame, type Process, parseStat } from '../engine-folder/processes.ts'
import { readIfAny } from '../engine-folder/read-if-any.ts'
import { wallClockSeconds } from '../limits.ts'
import { evidenceIn, exitReport, type LimitEvidence, verdictIn } from '../post-mortem.ts'
import { cgroupEvidence } from './cgroups.ts'
import type { SandboxLayout } from './layout.ts'
import { type Confinement, SandboxRecord } from './record.ts'

/** What a sandbox's folder says, whoever made it. */
export type FoundSandbox =
  /** Being made, or running. */
  | { readonly kind: 'live'; readonly record: SandboxRecord }
  | { readonly kind: 'ended'; readonly record: SandboxRecord; readonly exit: string | undefined }
  /** Its maker died before anything ran. */
  | { readonly kind: 'half-made'; readonly record: SandboxRecord }

/** `undefined` when there is no such sandbox. */
export async function findSandbox(layout: SandboxLayout): Promise<FoundSandbox | undefined> {
  const record = await readRecord(layout)
  if (record === undefined) return undefined
  if (isHeld(layout.alive)) return { kind: 'live', record }
  // Only now: what is written last was written before the hold ended.
  const [exit, shim] = await Promise.all([readIfAny(layout.exit), readIfAny(layout.shim)])
  return shim === undefined ? { kind: 'half-made', record } : { kind: 'ended', record, exit }
}

/** A record that cannot be read is nobody's: its folder is left alone. */
export async function readRecord(layout: SandboxLayout): Promise<SandboxRecord | undefined> {
  const text = await readIfAny(layout.record)
  if (text === undefined) return undefined
  const record = SandboxRecord.safeParse(parseIfJson(text))
  return record.success ? record.data : undefined
}

/** Every sandbox that has a folder, of whichever fleet. */
export async function listSandboxIds(sandboxes: string): Promise<SandboxId[]> {
  const names = await readdir(sandboxes)
  return names.map((name) => SandboxId.safeParse(name)).flatMap(({ data }) => (data === undefined ? [] : [data]))
}

/** The evidence that is left. */
export async function readExit(
  layout: SandboxLayout,
  record: SandboxRecord,
  exit: string | undefined,
): Promise<ExitReport> {
  const [log, ended, limits] = await Promise.all([
    readIfAny(layout.log),
    readIfAny(layout.ended),
    readEvidence(layout, record.confinement),
  ])
  return exitReport({
    exit,
    ended: verdictIn(ended),
    log: log ?? '',
    limits,
    wallClockSeconds: wallClockSeconds(record.limits),
  })
}

async function readEvidence(layout: SandboxLayout, confinement: Confinement): Promise<LimitEvidence> {
  switch (confinement.kind) {
    case 'cgroup':
      return cgroupEvidence(confinement.folders)
    case 'scope': {
      const [memory = '', pids = ''] = ((await readIfAny(layout.events)) ?? '').split('\n\n')
      return evidenceIn(memory, pids)
    }
    case 'none':
      return evidenceIn('', '')
  }
}

/** The shim, if that very process still runs. */
export async function findShim(layout: SandboxLayout): Promise<Process | undefined> {
  const shim = parseStat((await readIfAny(layout.shim)) ?? '')
  return shim !== undefined && (await isSame(shim)) ? shim : undefined
}

/** What the shim waits for, if it still runs. */
export async function findJob(layout: SandboxLayout, shim: Process): Promise<Process | undefined> {
  const pid = Number((await readIfAny(layout.job)) ?? '')
  const job = Number.isInteger(pid) && pid > 0 ? await findProcess(pid) : undefined
  return job?.parent === shim.pid ? job : undefined
}

/** Names that begin with a dot: what was being made, or removed, when its process died, or still is. */
export async function unfinishedFolders(sandboxes: string): Promise<string[]> {
  try {
    return (await readdir(sandboxes)).filter((name) => basename(name).startsWith('.'))
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return []
    throw error
  }
}
