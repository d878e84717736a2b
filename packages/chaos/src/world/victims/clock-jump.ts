import { pathToFileURL } from 'node:url'
import { progress } from '../aftermath.ts'
import { CLOCK_SHIFT } from '../clock-shift.ts'
import { livingMembers, signalIfThere } from '../processes.ts'
import type { Victim } from '../victim.ts'
import { workerBundle } from '../worker-bundle.ts'
import { placedRuns, type World } from '../world.ts'

/** The wall clocks of all orchestrators and workers jump an hour ahead, and later back again. */
export const clockJump: Victim = {
  name: 'clock-jump',
  outageMs: () => 0,
  prepare: async () => ({
    NODE_OPTIONS: `--import=${pathToFileURL(CLOCK_SHIFT).href}`,
    WORKER_BUNDLE: await workerBundle('shifting'),
  }),
  async strike(scene) {
    const { world } = scene
    const since = performance.now()
    const moved = [...livingMembers(world).map(({ pid }) => pid), ...(await workers(world))]
    for (const pid of moved) signalIfThere(pid, 'SIGUSR2')
    return {
      kind: 'struck',
      cuts: false,
      async aftermath() {
        const recovery = await progress(scene, since)
        for (const pid of moved) signalIfThere(pid, 'SIGUSR2')
        return recovery
      },
    }
  },
}

async function workers(world: World): Promise<number[]> {
  const found = await Promise.all(placedRuns(world).map(({ placement }) => world.fleet.findWorker(placement.sandboxId)))
  return found.filter((pid) => pid !== undefined)
}
