import { readdir, readFile } from 'node:fs/promises'

const STOP_LIMIT_MS = 5_000

/** A stop signal reaches each thread in its own time, and no event tells of it: the kernel is asked until all stand. */
export async function untilStopped(pid: number): Promise<void> {
  if (process.platform !== 'linux') return
  const limit = AbortSignal.timeout(STOP_LIMIT_MS)
  const isRunning = async (task: string) => {
    const stat = await readFile(`/proc/${pid}/task/${task}/stat`, 'utf8')
    return !/\) [tT] /.test(stat)
  }
  for (;;) {
    limit.throwIfAborted()
    const tasks = await readdir(`/proc/${pid}/task`)
    if (!(await Promise.all(tasks.map(isRunning))).includes(true)) return
  }
}
