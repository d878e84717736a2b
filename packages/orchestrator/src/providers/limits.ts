/** What limits come to, whichever engine holds sandboxes to them. Pure. */
import * as z from 'zod'
import type { Limits } from './provider.ts'

/** As they are written down beside a sandbox. */
export const WrittenLimits = z.object({
  memoryMb: z.number(),
  diskMb: z.number(),
  cpus: z.number(),
  pids: z.number(),
  wallClockMinutes: z.number(),
  outputMb: z.number(),
}) satisfies z.ZodType<Limits>

/** Fewer, and Node waits for its own threads for ever, without a word. */
const LEAST_PIDS = 64
/** Fewer, and Node does not start. */
const LEAST_MEMORY_MB = 64
/** Fewer, and a small source does not fit. */
const LEAST_DISK_MB = 16

export const MIB = 1024 * 1024

/** Why no worker could start under these limits. */
export function refuseLimits({ pids, memoryMb, diskMb }: Limits): string | undefined {
  if (pids < LEAST_PIDS) return `a sandbox needs at least ${LEAST_PIDS} processes, not ${pids}`
  if (memoryMb < LEAST_MEMORY_MB) return `a sandbox needs at least ${LEAST_MEMORY_MB} MiB, not ${memoryMb}`
  if (diskMb < LEAST_DISK_MB) return `a workspace needs at least ${LEAST_DISK_MB} MiB, not ${diskMb}`
  return undefined
}

/**
 * What a sandbox may have of the host's memory. An isolated one keeps its workspace there, and the kernel
 * charges the pages of files to the same account as those of processes.
 */
export const withDisk = (limits: Limits, isolated: boolean): Limits =>
  isolated ? { ...limits, memoryMb: limits.memoryMb + limits.diskMb } : limits

/** V8 does not see the limit by itself; a quarter is left for what is not its heap. */
export function workerFlags(limits: Limits, supported: ReadonlySet<string>): string[] {
  const flags = [`--max-old-space-size=${Math.floor(limits.memoryMb * 0.75)}`]
  // SIGUSR1 would open the inspector, and with it the worker's memory, to any tool in the sandbox.
  if (supported.has('--disable-sigusr1')) flags.push('--disable-sigusr1')
  return flags
}

export const wallClockSeconds = (limits: Limits): number => Math.max(1, Math.ceil(limits.wallClockMinutes * 60))

export const outputBytes = (limits: Limits): number => Math.max(1, Math.round(limits.outputMb * MIB))
