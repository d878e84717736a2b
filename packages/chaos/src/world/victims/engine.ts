import { nextEpochReady, progress } from '../aftermath.ts'
import { isSpeaking, runAtPoint, signalIfThere } from '../processes.ts'
import { none, type Victim } from '../victim.ts'

/**
 * kill -9 of the daemon that makes containers and of the one below it that runs them, and of the sandbox at the point
 * with them: nobody is there to see it end. Both are started again at once on the same data; all other sandboxes go
 * on meanwhile. The time counts from their being up.
 */
export const engine: Victim = {
  name: 'engine',
  outageMs: () => 10_000,
  async strike(scene) {
    const { engine, processesOf } = scene.world.host
    if (engine === undefined) return none('there is no engine')
    const run = runAtPoint(scene)
    const processes = run === undefined ? [] : await processesOf(run.placement.sandboxId)
    await engine.kill9()
    for (const pid of processes) signalIfThere(pid, 'SIGKILL')
    return {
      kind: 'struck',
      cuts: run !== undefined && isSpeaking(scene, run),
      async aftermath() {
        await engine.restart()
        const since = performance.now()
        return run === undefined ? progress(scene, since) : nextEpochReady(scene, run, since)
      },
    }
  },
}
