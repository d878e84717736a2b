import { subjects } from '@specfleet/shared'
import { whenAborted } from '../../../../orchestrator/src/lifecycle.ts'
import { forwarderOf } from '../hosts/host.ts'
import { signalIfThere } from '../processes.ts'
import { none, type Victim } from '../victim.ts'
import { placedRuns } from '../world.ts'

/** kill -9 of the process that carries the bus into sandboxes; an orchestrator starts it anew by itself. */
export const forwarder: Victim = {
  name: 'forwarder',
  outageMs: () => 0,
  async strike(scene) {
    const { world, stopped, signal } = scene
    const pid = forwarderOf(world.host)
    if (pid === undefined) return none('no forwarder runs')
    const since = performance.now()
    signalIfThere(pid, 'SIGKILL')
    const [run] = placedRuns(world)
    return {
      kind: 'struck',
      cuts: stopped?.by.kind === 'worker',
      async aftermath() {
        if (run === undefined) return {}
        const heard = Promise.withResolvers<number>()
        using _beats = world.fleet.app.subscribe(subjects.beat(run.runId, '*'), () => heard.resolve(performance.now()))
        const over = world.chronicle.until(
          () => (world.chronicle.records.get(run.runId)?.state === 'running' ? undefined : true),
          signal,
        )
        const at = await Promise.race([heard.promise, over.then(() => undefined), whenAborted(signal)])
        over.catch(() => undefined)
        signal.throwIfAborted()
        return at === undefined ? {} : { recoveryMs: at - since }
      },
    }
  },
}
