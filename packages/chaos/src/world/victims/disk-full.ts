import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { stat, statfs } from 'node:fs/promises'
import { nextEpochReady, progress } from '../aftermath.ts'
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
  async strike(scene) {
    const run = runAtPoint(scene)
    const pid = run && (await scene.world.fleet.findWorker(run.placement.sandboxId))
    if (run === undefined || pid === undefined) return none('no worker runs')
    const workspace = `/proc/${pid}/root/workspace`
    const { type, bsize, bavail } = await statfs(workspace)
    if (type !== TMPFS || bsize * bavail > MOST_BYTES) return none('the workspace has no bound')
    const since = performance.now()
    await fill(workspace)
    return {
      kind: 'struck',
      cuts: false,
      // It may die of it, or have no more to write.
      aftermath: () => Promise.race([nextEpochReady(scene, run, since), progress(scene, since).then(() => ({}))]),
    }
  },
}

/** Inside, nobody exists but the sandbox's own user: it is filled in their name. */
async function fill(workspace: string): Promise<void> {
  const { uid, gid } = await stat(workspace)
  const dd = spawn('dd', ['if=/dev/zero', 'of=.filled-by-chaos', 'bs=1M'], {
    cwd: workspace,
    uid,
    gid,
    stdio: 'ignore',
  })
  const [code] = await once(dd, 'exit')
  if (code !== 1) throw new Error(`dd was to end for lack of space, not with ${code}`)
}
