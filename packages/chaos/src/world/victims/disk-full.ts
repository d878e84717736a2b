import { type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { stat, statfs } from 'node:fs/promises'
import { nextEpochReady } from '../aftermath.ts'
import { runAtPoint } from '../processes.ts'
import { none, type Victim } from '../victim.ts'

/** `TMPFS_MAGIC` of the kernel: a file system of bounded size that is nobody else's. */
const TMPFS = 0x01021994
/** Never the host's own disk. */
const MOST_BYTES = 64 * 1024 ** 3

/** Fills the workspace of a sandbox, from outside, to the last byte. */
export const diskFull: Victim = {
  name: 'disk-full',
  outageMs: () => 0,
  toldToModel: true,
  async strike(scene) {
    const run = runAtPoint(scene)
    const pid = run && (await scene.world.fleet.findWorker(run.placement.sandboxId))
    if (run === undefined || pid === undefined) return none('no worker runs')
    const workspace = `/proc/${pid}/root/workspace`
    const { type, bsize, bavail } = await statfs(workspace)
    if (type !== TMPFS || bsize * bavail > MOST_BYTES) return none('the workspace has no bound')
    const since = performance.now()
    const filled = await fill(workspace)
    return {
      kind: 'struck',
      cuts: false,
      async aftermath() {
        using _filled = filled
        // It dies of it, or has no more to write.
        return nextEpochReady(scene, run, since)
      },
    }
  },
}

/** Holds the space without a name for it, until it is killed: what the worker sees in its workspace is its own. */
const HOLD = 'exec 3> .filling && rm .filling && dd if=/dev/zero bs=1M >&3 2>/dev/null; echo full; exec sleep 600'

/** Inside, nobody exists but the sandbox's own user: it is filled in their name. Settles when there is no space left. */
async function fill(workspace: string): Promise<Disposable> {
  const { uid, gid } = await stat(workspace)
  const stdio: StdioOptions = ['ignore', 'pipe', 'ignore']
  const holder = spawn('sh', ['-c', HOLD], { cwd: workspace, uid, gid, stdio })
  const ended = once(holder, 'exit').then(() => {
    throw new Error('the workspace could not be filled')
  })
  await Promise.race([once(holder.stdout ?? holder, 'data'), ended])
  ended.catch(() => undefined)
  return { [Symbol.dispose]: () => void holder.kill('SIGKILL') }
}
