import { isOwned, type PlacedRun } from '@specfleet/shared'
import type { Heard } from './chronicle.ts'
import type { Recovery, Scene } from './victim.ts'
import type { World } from './world.ts'

/** The run is at work again in a later epoch; no time where it had nothing left to do. */
export async function nextEpochReady({ world, signal }: Scene, run: PlacedRun, since: number): Promise<Recovery> {
  const { chronicle } = world
  return chronicle.until<Recovery>(() => {
    const ready = chronicle.entries.find(({ fact }) => isOf(fact, run, 'run.ready') && (fact?.epoch ?? 0) > run.epoch)
    if (ready !== undefined) return { recoveryMs: ready.at - since }
    const record = chronicle.records.get(run.runId)
    const isOver = record?.state === 'settled' || record?.state === 'parked'
    const waits = record?.state === 'waiting' && record.why !== 'backoff'
    return isOver || waits ? {} : undefined
  }, signal)
}

const isOf = (fact: Heard['fact'], { runId }: PlacedRun, type: string): boolean =>
  fact?.type === type && fact.runId === runId

/** Runs that those own, by their ids. */
export const ownedBy = ({ chronicle }: World, owners: readonly string[]): number =>
  [...chronicle.records.values()].filter((run) => isOwned(run) && owners.includes(run.owner)).length

/** Nobody of the lost owns anything any more. */
export async function untilTaken({ world, signal }: Scene, lost: readonly string[]): Promise<void> {
  await world.chronicle.until(() => (ownedBy(world, lost) === 0 ? true : undefined), signal)
}

/** Somebody wrote something: the bus is there again for those who work. */
export async function progress({ world, signal }: Scene, since: number): Promise<Recovery> {
  const { chronicle, jobs } = world
  const [entries, records] = [chronicle.entries.length, JSON.stringify([...chronicle.records.values()])]
  return chronicle.until<Recovery>(() => {
    const moved = chronicle.entries.length > entries || JSON.stringify([...chronicle.records.values()]) !== records
    if (moved) return { recoveryMs: performance.now() - since }
    const settled = jobs.every(({ task }) => chronicle.records.get(task.taskId)?.state === 'settled')
    return settled ? {} : undefined
  }, signal)
}
