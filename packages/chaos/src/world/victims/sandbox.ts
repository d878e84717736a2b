import { nextEpochReady } from '../aftermath.ts'
import { isSpeaking, runAtPoint, signalIfThere } from '../processes.ts'
import { none, type Victim } from '../victim.ts'

/**
 * kill -9 of everything in a sandbox, and of what keeps its limits and its exit: nobody is left to say how it ended,
 * unless an engine of its own stands behind it.
 */
export const sandbox: Victim = {
  name: 'sandbox',
  outageMs: () => 0,
  async strike(scene) {
    const run = runAtPoint(scene)
    const processes = run === undefined ? [] : await scene.world.host.processesOf(run.placement.sandboxId)
    if (run === undefined || processes.length === 0) return none('no sandbox runs')
    const since = performance.now()
    for (const pid of processes) signalIfThere(pid, 'SIGKILL')
    return { kind: 'struck', cuts: isSpeaking(scene, run), aftermath: () => nextEpochReady(scene, run, since) }
  },
}
