import { setTimeout as pause } from 'node:timers/promises'
import { BUCKETS, isPlaced } from '@specfleet/shared'
import type { Violation } from '../trial.ts'
import type { Ended, Evidence } from '../verdict/evidence.ts'
import { against, unless } from '../verdict/violation.ts'
import { blobsOf, connectionsAt, strayConsumers } from './server.ts'
import type { World } from './world.ts'

/** Ends the fleet in order, and looks for what it left: on this host, at the server, in its stores. */
export async function endAndLook({ fleet, host, jobs }: World, { records }: Evidence): Promise<Violation[]> {
  const promise = 'nothing left'
  await untilAccountsAreSwept(fleet)
  const ends = await fleet.endInOrder().then(
    () => [],
    (error: unknown) =>
      String(error instanceof Error ? error.message : error)
        .split('\n')
        .filter(isLeft),
  )
  const kept = await host.remains()
  const [consumers, blobs, connections] = await Promise.all([
    strayConsumers(fleet.app),
    blobsOf(fleet.app, BUCKETS.blobs),
    connectionsAt(fleet.system),
  ])
  const owned = new Set<string | undefined>(
    [...records.values()].flatMap((run) => [run.source?.sha256, isPlaced(run) ? run.placement.context : undefined]),
  )
  const ownerless = blobs.filter((sha256) => !owned.has(sha256))
  const strangers = connections.filter((name) => !name.startsWith('test '))
  return [
    ...unless(ends.length === 0, () => against(promise, 'the fleet did not end and leave nothing', ends)),
    ...unless(kept.length === 0, () => against(promise, 'sandboxes are left on the engine', kept)),
    ...unless(consumers.length === 0, () => against(promise, 'consumers are left on streams', consumers)),
    ...unless(ownerless.length === 0, () =>
      against(promise, `${ownerless.length} blobs have no owner among ${jobs.length} runs`, ownerless),
    ),
    ...unless(strangers.length === 0, () => against(promise, 'connections are left at the server', strangers)),
  ]
}

/** Orchestrators that nobody ended, and that are gone. */
export async function endedByThemselves({ fleet }: World): Promise<Ended[]> {
  const gone = fleet.members.filter(({ isGone }) => isGone)
  const ends = gone.map(async ({ id, exited, log }) => ({ id, how: await exited, lastLine: log.at(-1) ?? '' }))
  return (await Promise.all(ends)).filter(({ how }) => how !== 'SIGKILL')
}

/** What was being made when its maker was killed is removed a minute later by whoever looks after that engine then. */
const HALF_MADE = /\/sandboxes\/\.making-/
const isLeft = (line: string): boolean => !HALF_MADE.test(line) && !line.startsWith('left behind by the fleet in')

/** An account that a crash left is taken back by the second sweep; nobody is told of it, so the server is asked. */
const SWEEPS_MS = 10_000
const LOOK_AGAIN_MS = 100

async function untilAccountsAreSwept({ mint }: World['fleet']): Promise<void> {
  const until = performance.now() + SWEEPS_MS
  while ((await mint.accounts()).length > 0 && performance.now() < until) await pause(LOOK_AGAIN_MS)
}
