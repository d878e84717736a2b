import { isOwned, type PlacedRun } from '@specfleet/shared'
import { engineLayout } from '../../../orchestrator/src/providers/engine-folder/layout.ts'
import {
  allProcesses,
  type Process,
  signalIfThere,
} from '../../../orchestrator/src/providers/engine-folder/processes.ts'
import { findShim } from '../../../orchestrator/src/providers/process/find-sandbox.ts'
import { sandboxLayout } from '../../../orchestrator/src/providers/process/layout.ts'
import type { Member } from '../../../testkit/src/fleet-member.ts'
import { processesOf } from '../../../testkit/src/leaks.ts'
import type { Fleet } from '../../../testkit/src/real-fleet.ts'
import type { Scene } from './victim.ts'
import { engineRoot, placedRuns, type World } from './world.ts'

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

/** The shim of a sandbox and all that came of it, the shim first. */
export async function sandboxProcesses(fleet: Fleet, run: PlacedRun): Promise<readonly Process[]> {
  const layout = sandboxLayout(engineLayout(engineRoot(fleet)).sandboxes, run.placement.sandboxId)
  const shim = await findShim(layout)
  if (shim === undefined) return []
  const all = await allProcesses()
  const found: Process[] = [shim]
  for (const parent of found) found.push(...all.filter((each) => each.parent === parent.pid))
  return found
}

/** The process that carries the bus into the sandboxes of the world's host. */
export const forwarderPid = (fleet: Fleet): number | undefined =>
  processesOf(engineRoot(fleet)).find(({ command }) => command.includes('forwarder-main'))?.pid

export function killAll(processes: readonly { readonly pid: number }[]): void {
  for (const { pid } of processes) signalIfThere(pid, 'SIGKILL')
}
