import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'

/** The least that Node can be asked to do. */
export const BARE_NODE = ['-e', '0'] as const

/** Runs a program to its end. @throws Error when it fails */
export async function runToEnd(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${program} ended with ${code}`)
}

/** A process that does nothing until it is disposed. */
export async function startIdleNode(): Promise<{ readonly pid: number } & AsyncDisposable> {
  const child = spawn(process.execPath, ['-e', `process.stdin.resume(); process.stdout.write('up')`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  await once(child.stdout, 'data')
  return {
    pid: child.pid ?? 0,
    [Symbol.asyncDispose]: async () => {
      child.stdin.end()
      await exited
    },
  }
}

/** Resident memory of a process in MiB: now, or the most it ever had. `undefined` when it is gone. */
export async function residentMib(pid: number, which: 'VmRSS' | 'VmHWM' = 'VmRSS'): Promise<number | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    const kib = new RegExp(`^${which}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]
    return kib === undefined ? undefined : Number(kib) / 1024
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return undefined
    throw error
  }
}
