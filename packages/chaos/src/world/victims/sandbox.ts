import { nextEpochReady } from '../aftermath.ts'
import { isSpeaking, killAll, runAtPoint, sandboxProcesses } from '../processes.ts'
import { none, type Victim } from '../victim.ts'

/** kill -9 of everything in a sandbox, and of what keeps its limits and its exit: nobody is left to say how it ended. */
export const sandbox: Victim = {
  name: 'sandbox',
  outageMs: () => 0,
  async strike(scene) {
    const run = runAtPoint(scene)
    const processes = run === undefined ? [] : await sandboxProcesses(scene.world.fleet, run)
    if (run === undefined || processes.length === 0) return none('no sandbox runs')
    const since = performance.now()
    killAll(processes)
    return { kind: 'struck', cuts: isSpeaking(scene, run), aftermath: () => nextEpochReady(scene, run, since) }
  },
}
