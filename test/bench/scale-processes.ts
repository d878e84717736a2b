/** The processes of the benchmark `scale`. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export type BenchProcess = AsyncDisposable & {
  readonly pid: number
  /** Rejects as soon as it ends without having been told to. */
  readonly broken: Promise<never>
}

/** Starts one of this folder's programs; settles when it says `ready`. Disposing kills it and waits until it is gone. */
export async function startProcess(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<BenchProcess> {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const child = spawn(process.execPath, ['--expose-gc', path, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  let told = false
  const broken = exited.then(([code, signal]): Promise<never> => {
    if (told) return new Promise(() => {})
    throw new Error(`${file} ended with ${signal ?? code}`)
  })
  // Whoever waits for something of this process races against it; nobody else needs to hear.
  broken.catch(() => undefined)
  const end = async () => {
    told = true
    child.kill('SIGKILL')
    await exited
  }
  try {
    await Promise.race([saysReady(child), broken])
  } catch (error) {
    await end()
    throw error
  }
  return { pid: child.pid ?? 0, broken, [Symbol.asyncDispose]: end }
}

async function saysReady({ stdout }: ChildProcess): Promise<void> {
  if (stdout === null) throw new Error('the process has no standard output')
  await once(createInterface({ input: stdout }), 'line')
}

/** Of the kernel's clock in which it counts processor time, as good as everywhere. */
const TICK_MS = 10

/** Processor time that a process has taken so far, all its threads together; `NaN` where the kernel does not tell. */
async function processorMs(pid: number): Promise<number> {
  if (process.platform !== 'linux') return Number.NaN
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number)
  return ((user ?? Number.NaN) + (system ?? Number.NaN)) * TICK_MS
}

/** What share of one core processes take, together, from now until the returned function is called. */
export async function watchProcessor(pids: readonly number[]): Promise<() => Promise<number>> {
  const total = async () => (await Promise.all(pids.map(processorMs))).reduce((sum, ms) => sum + ms, 0)
  const [before, startedAt] = [await total(), performance.now()]
  return async () => ((await total()) - before) / (performance.now() - startedAt)
}
