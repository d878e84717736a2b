import { isOwned, type PlacedRun } from '@specfleet/shared'
import type { Member } from '../../../testkit/src/fleet-member.ts'
import type { Scene } from './victim.ts'
import { placedRuns, type World } from './world.ts'

export { signalIfThere } from '../../../orchestrator/src/providers/engine-folder/processes.ts'

/** The run that the point is about; else the first that has a sandbox. */
export function runAtPoint({ world, stopped }: Scene): PlacedRun | undefined {
  const placed = placedRuns(world)
  const by = stopped?.by
  return (by?.kind === 'worker' ? placed.find(({ runId }) => runId === by.runId) : undefined) ?? placed[0]
}

/** Whether it is the worker of that run who stands at the point. */
export const isSpeaking = ({ stopped }: Scene, { runId }: PlacedRun): boolean =>
  stopped?.by.kind === 'worker' && stopped.by.runId === runId

export const livingMembers = ({ fleet }: World): readonly Member[] => fleet.members.filter(({ isGone }) => !isGone)

const MOST_STARTS = 3

/** Starts one more orchestrator, again where it could not start because the server was away: as any service manager does. */
export async function joinStubbornly({ world, signal }: Scene): Promise<Member> {
  for (let starts = 1; ; starts += 1) {
    try {
      return await world.fleet.join()
    } catch (error) {
      if (signal.aborted || starts >= MOST_STARTS) throw error
    }
  }
}

/** The orchestrator that stands at the point; else the owner of the run there; else the eldest. */
export function memberAtPoint(scene: Scene): Member | undefined {
  const { world, stopped } = scene
  const living = livingMembers(world)
  const by = stopped?.by
  const run = runAtPoint(scene)
  return (
    (by?.kind === 'orchestrator' ? living.find(({ id }) => id === by.id) : undefined) ??
    living.find(({ id }) => run !== undefined && isOwned(run) && run.owner === id) ??
    living[0]
  )
}
