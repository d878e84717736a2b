import { ownedBy, untilTaken } from '../aftermath.ts'
import { joinStubbornly, livingMembers, memberAtPoint } from '../processes.ts'
import { none, type Victim } from '../victim.ts'

/** kill -9 of the orchestrator at the point. Another takes its runs, and a new one joins: at once where nobody else lives. */
export const orchestrator: Victim = {
  name: 'orchestrator',
  outageMs: () => 0,
  async strike(scene) {
    const { world, stopped } = scene
    const member = memberAtPoint(scene)
    if (member === undefined) return none('no orchestrator lives')
    const owned = ownedBy(world, [member.id])
    const since = performance.now()
    await member.kill9()
    return {
      kind: 'struck',
      cuts: stopped?.by.kind === 'orchestrator' && stopped.by.id === member.id,
      async aftermath() {
        const alone = livingMembers(world).length === 0
        if (alone) await joinStubbornly(scene)
        await untilTaken(scene, [member.id])
        const recoveryMs = performance.now() - since
        if (!alone) await joinStubbornly(scene)
        return owned === 0 ? {} : { recoveryMs }
      },
    }
  },
}
