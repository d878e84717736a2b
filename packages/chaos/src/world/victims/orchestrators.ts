import { ownedBy, untilTaken } from '../aftermath.ts'
import { joinStubbornly, livingMembers } from '../processes.ts'
import type { Victim } from '../victim.ts'

/** kill -9 of all orchestrators. As many new ones join; the time counts from the first of them being up. */
export const orchestrators: Victim = {
  name: 'orchestrators',
  outageMs: () => 5_000,
  async strike(scene) {
    const { world, stopped } = scene
    const lost = livingMembers(world)
    const ids = lost.map(({ id }) => id)
    const owned = ownedBy(world, ids)
    await Promise.all(lost.map((member) => member.kill9()))
    return {
      kind: 'struck',
      cuts: stopped?.by.kind === 'orchestrator',
      async aftermath() {
        const joining = Promise.all(lost.map(() => joinStubbornly(scene).then(() => performance.now())))
        const taken = untilTaken(scene, ids).then(() => performance.now())
        const [upAt, takenAt] = await Promise.all([joining, taken])
        // Whoever takes the runs may do so before it says that it is up.
        return owned === 0 ? {} : { recoveryMs: Math.max(0, takenAt - Math.min(...upAt)) }
      },
    }
  },
}
