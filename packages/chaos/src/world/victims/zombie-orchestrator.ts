import { ownedBy, untilTaken } from '../aftermath.ts'
import { joinStubbornly, livingMembers, memberAtPoint, signalIfThere } from '../processes.ts'
import { none, type Victim } from '../victim.ts'

/** An orchestrator stands still until others have taken its runs, and wakes up among them. */
export const zombieOrchestrator: Victim = {
  name: 'zombie-orchestrator',
  outageMs: () => 10_000,
  async strike(scene) {
    const member = memberAtPoint(scene)
    if (member === undefined) return none('no orchestrator lives')
    const owned = ownedBy(scene.world, [member.id])
    const since = performance.now()
    signalIfThere(member.pid, 'SIGSTOP')
    return {
      kind: 'struck',
      cuts: false,
      async aftermath() {
        if (livingMembers(scene.world).length === 1) await joinStubbornly(scene)
        await untilTaken(scene, [member.id]).finally(() => signalIfThere(member.pid, 'SIGCONT'))
        return owned === 0 ? {} : { recoveryMs: performance.now() - since }
      },
    }
  },
}
