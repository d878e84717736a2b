import { setTimeout as pause } from 'node:timers/promises'
import { progress } from '../aftermath.ts'
import type { Victim } from '../victim.ts'

/** kill -9 of the server; it is started again at once on the same data. The time counts from its being up. */
export const nats: Victim = {
  name: 'nats',
  outageMs: () => 5_000,
  async strike(scene) {
    const { fleet } = scene.world
    await fleet.nats.kill9()
    return {
      kind: 'struck',
      cuts: true,
      async aftermath() {
        await fleet.nats.restart()
        return progress(scene, performance.now())
      },
    }
  },
}

/** The server stops where it is, with all connections open, and goes on later. The time counts from there. */
export const natsFrozen: Victim = {
  name: 'nats-frozen',
  outageMs: ({ freezeMs }) => freezeMs,
  async strike(scene) {
    const { fleet } = scene.world
    await fleet.nats.freeze()
    return {
      kind: 'struck',
      cuts: false,
      async aftermath() {
        // How long it lasts is the blow itself; there is no event to wait for.
        await pause(scene.freezeMs, undefined, { signal: scene.signal }).finally(() => fleet.nats.thaw())
        return progress(scene, performance.now())
      },
    }
  },
}
