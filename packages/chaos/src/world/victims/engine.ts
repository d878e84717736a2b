import { nextEpochReady, progress } from '../aftermath.ts'
import { runAtPoint } from '../processes.ts'
import { none, type Victim } from '../victim.ts'

/**
 * kill -9 of the daemon that makes containers, and of the one below it that runs them; both are started again at once
 * on the same data, and end what ran meanwhile. The time counts from their being up.
 */
export const engine: Victim = {
  name: 'engine',
  outageMs: () => 20_000,
  async strike(scene) {
    const { engine } = scene.world.host
    if (engine === undefined) return none('there is no engine')
    const run = runAtPoint(scene)
    await engine.kill9()
    return {
      kind: 'struck',
      cuts: false,
      async aftermath() {
        await engine.restart()
        const since = performance.now()
        return run === undefined ? progress(scene, since) : nextEpochReady(scene, run, since)
      },
    }
  },
}
