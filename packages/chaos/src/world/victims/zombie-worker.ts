import { join } from 'node:path'
import type { PlacedRun } from '@specfleet/shared'
import { whenAborted } from '../../../../orchestrator/src/lifecycle.ts'
import type { Chronicle } from '../chronicle.ts'
import { livingMembers, runAtPoint, signalIfThere } from '../processes.ts'
import { none, type Victim } from '../victim.ts'

/**
 * A host that sleeps: the worker stands still and its orchestrators are gone. Another host, which cannot reach that
 * sandbox, fences the run and goes on with it. Then the worker wakes up behind its fence.
 */
export const zombieWorker: Victim = {
  name: 'zombie-worker',
  outageMs: () => 15_000,
  async strike(scene) {
    const { world, signal } = scene
    const { fleet, host, chronicle } = world
    const run = runAtPoint(scene)
    const pid = run && (await fleet.findWorker(run.placement.sandboxId))
    if (run === undefined || pid === undefined) return none('no worker runs')
    const since = performance.now()
    signalIfThere(pid, 'SIGSTOP')
    await Promise.all(livingMembers(world).map((member) => member.kill9()))
    return {
      kind: 'struck',
      cuts: scene.stopped?.by.kind === 'orchestrator',
      async aftermath() {
        // Another home is another engine, as on another host.
        await fleet.join({ SPECFLEET_HOME: join(fleet.home, 'elsewhere') })
        const wakesUp = chronicle.until(() => fenceBehind(chronicle, run) ?? isOver(chronicle, run), signal)
        const fence = await wakesUp.finally(() => signalIfThere(pid, 'SIGCONT'))
        // One that does not end is told as a trial that did not.
        const over = whenAborted(signal).then(() => '')
        const lastLine = await Promise.race([host.lastLineOf(run.placement.sandboxId), over])
        signal.throwIfAborted()
        // Back on its host, somebody clears up behind it.
        await fleet.join()
        // Whose last word had got through was done, and has nothing to say of its end.
        return fence === true ? BLOWS : { ...BLOWS, lastLine, recoveryMs: fence.at - since }
      },
    }
  },
}

/** Every other run of that host loses its call with the orchestrators, and may have made it again when it is fenced. */
const BLOWS = { blows: 2 }

const fenceBehind = ({ entries }: Chronicle, { runId, epoch }: PlacedRun) =>
  entries.find(({ fact }) => fact?.type === 'run.fenced' && fact.runId === runId && fact.epoch > epoch)

/** It had nothing left to do: then no fence comes. */
const isOver = ({ records }: Chronicle, { runId }: PlacedRun): true | undefined =>
  records.get(runId)?.state === 'settled' ? true : undefined
