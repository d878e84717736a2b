import { isPlaced, newId, type PlacedRun, type RunRecord, SpecfleetError } from '@specfleet/shared'
import { type GatedModel, startGatedModel } from '../../../testkit/src/gated-model.ts'
import { type Fleet, openFleet } from '../../../testkit/src/real-fleet.ts'
import { repositoryOf, SMALL_SERVICE } from '../../../testkit/src/source-repository.ts'
import { openRelay, type Relay } from '../points/relay.ts'
import { Chronicle } from './chronicle.ts'
import { familyOf } from './hosts/family.ts'
import type { Host } from './hosts/host.ts'
import { type Job, type RefusedTask, workOf } from './work.ts'
import { workerBundle } from './worker-bundle.ts'

export type WorldOptions = {
  readonly seed: number
  /** Further variables of its orchestrators; one of them chooses what their sandboxes run on. */
  readonly env?: Readonly<Record<string, string>>
  /** Only the first so many tasks of the seed. */
  readonly jobs?: number
}

/** A whole fleet with its server, its wire, its model and its work, and somebody who looks on. */
export type World = AsyncDisposable & {
  readonly fleet: Fleet
  readonly host: Host
  readonly relay: Relay
  readonly model: GatedModel
  readonly chronicle: Chronicle
  readonly jobs: readonly Job[]
  readonly refused: RefusedTask
}

/** Short limits, so that a trial waits for nothing longer than it must. */
export const QUICK = {
  ATTEMPT_LIMIT: '3',
  ADOPTION_GRACE_MS: '500',
  BOOT_LIMIT_MS: '20000',
  ACCOUNT_SWEEP_MS: '1000',
  LOG_LEVEL: 'debug',
}

const ORCHESTRATORS = 2

const MOST_TRIES = 3

/** Starts everything but the work; again where the machine was too busy for it, which says nothing of a fleet. */
export async function openWorld(options: WorldOptions): Promise<World> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await bringUp(options)
    } catch (error) {
      if (tries >= MOST_TRIES || !(error instanceof SpecfleetError) || error.code !== 'bus.unreachable') throw error
    }
  }
}

async function bringUp({ seed, env = {}, jobs = Number.POSITIVE_INFINITY }: WorldOptions): Promise<World> {
  await using parts = new AsyncDisposableStack()
  const model = parts.use(await startGatedModel())
  const source = parts.use(await repositoryOf(SMALL_SERVICE))
  const family = familyOf(env)
  let relay: Relay | undefined
  let host: Host | undefined
  const fleet = parts.use(
    await openFleet({
      orchestrators: ORCHESTRATORS,
      env: { ...QUICK, WORKER_BUNDLE: await workerBundle('plain'), ...model.env, ...env },
      wire: async (natsUrl) => {
        relay = await openRelay({ upstream: natsUrl })
        return relay
      },
      engine: async (home) => {
        host = await family.open(home)
        return host
      },
    }),
  )
  if (relay === undefined || host === undefined) throw new Error('the fleet has no wire, or no engine')
  const chronicle = parts.use(await Chronicle.open(fleet.app))
  const work = workOf(seed, { source: source.path, world: newId() })
  const rest = parts.move()
  return {
    fleet,
    host,
    relay,
    model,
    chronicle,
    jobs: work.jobs.slice(0, jobs),
    refused: work.refused,
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  }
}

/** Runs that have a sandbox now, in the order of the work. */
export function placedRuns({ chronicle, jobs }: Pick<World, 'chronicle' | 'jobs'>): PlacedRun[] {
  const records = jobs.map(({ task }): RunRecord | undefined => chronicle.records.get(task.taskId))
  return records.filter((record): record is PlacedRun => record !== undefined && isPlaced(record))
}
