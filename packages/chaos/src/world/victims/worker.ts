import { nextEpochReady } from '../aftermath.ts'
import { isSpeaking, runAtPoint, signalIfThere } from '../processes.ts'
import { none, type Victim } from '../victim.ts'

/** kill -9 of the worker's process; its sandbox ends with it, and the next epoch goes on. */
export const worker: Victim = {
  name: 'worker',
  outageMs: () => 0,
  async strike(scene) {
    const run = runAtPoint(scene)
    const pid = run && (await scene.world.fleet.findWorker(run.placement.sandboxId))
    if (run === undefined || pid === undefined) return none('no worker runs')
    const since = performance.now()
    signalIfThere(pid, 'SIGKILL')
    return { kind: 'struck', cuts: isSpeaking(scene, run), aftermath: () => nextEpochReady(scene, run, since) }
  },
}
