import { LIVENESS_LIMIT_MS, sandboxIdOf } from '@specfleet/shared'
import type { Member } from '../../packages/testkit/src/fleet-member.ts'
import { type Fleet, openFleet } from '../../packages/testkit/src/real-fleet.ts'
import type { Benchmark, Figure } from './benchmark.ts'
import { type HeldModel, startHeldModel } from './held-model.ts'
import { endRun, type HeldRun, startHeldRun, untilReadyAgain } from './held-run.ts'
import { summarise } from './statistics.ts'

const KILLS = 60
const WARM_UPS = 3
const FROZEN = 10
const OWNERS_KILLED = 5
const OWNERS_FROZEN = 3
const RESTARTS = 5

/** An empty variable is none: what is measured are the defaults, and slots for all that are frozen together. */
const DEFAULTS = {
  HEARTBEAT_LIMIT_MS: '',
  BACKOFF_FIRST_MS: '',
  BACKOFF_LONGEST_MS: '',
  STOP_GRACE_MS: '',
  SPECFLEET_SLOTS: String(FROZEN + 2),
}
/** Of a worker; the orchestrator's default. */
const HEARTBEAT_LIMIT_MS = 10_000
/** Frozen so far apart, one's next epoch does not start beside another's. */
const APART_MS = 700
/** As promised: at most so many cold starts from a death to the next epoch's `ready`. */
const PROMISED = { median: 1.5, p99: 4 }
const ADOPTION_MARGIN_MS = 2_000

export const recovery: Benchmark = {
  name: 'recovery',
  about: 'from the death of a worker, or of its orchestrator, until its run goes on',
  async run(signal) {
    await using model = await startHeldModel()
    await using fleet = await openFleet({ env: { ...DEFAULTS, ...model.env } })
    const scene = { model, fleet, signal }
    const killed = await killWorkers(scene)
    const cold = summarise(killed.map(({ coldMs }) => coldMs))
    const frozen = await freezeWorkers(scene)
    const owners = await endOwners(scene)
    const engine = { name: 'run claimed → ready', summary: cold }
    const beyond = (share: keyof typeof PROMISED) => HEARTBEAT_LIMIT_MS + PROMISED[share] * cold.median
    return [
      ...both(
        'worker killed → ready',
        killed.map(({ recoveryMs }) => recoveryMs),
        engine,
        (share) => ({
          ratioAtMost: PROMISED[share],
        }),
      ),
      ...both('worker frozen → ready', frozen, engine, (share) => ({ atMost: beyond(share) })),
      ...adoptions(owners, engine),
    ]
  },
}

type Engine = Figure['engine']

const both = (
  name: string,
  measurements: readonly number[],
  engine: Engine,
  limit: (share: 'median' | 'p99') => Pick<Figure, 'ratioAtMost' | 'atMost'>,
): Figure[] =>
  (['median', 'p99'] as const).map((judged) => ({
    name,
    unit: 'ms',
    ours: summarise(measurements),
    engine,
    judged,
    ...limit(judged),
  }))

function adoptions({ killed, frozen, restarted }: Adoptions, engine: Engine): Figure[] {
  const figure = (name: string, measurements: readonly number[], atMost: number): Figure => ({
    name,
    unit: 'ms',
    ours: summarise(measurements),
    engine,
    judged: 'p99',
    atMost,
  })
  return [
    figure('orchestrator killed → adopted by another', killed, LIVENESS_LIMIT_MS + ADOPTION_MARGIN_MS),
    figure('orchestrator silent → adopted by another', frozen, LIVENESS_LIMIT_MS + ADOPTION_MARGIN_MS),
    figure('orchestrator up again → adopted by itself', restarted, ADOPTION_MARGIN_MS),
  ]
}

type Scene = {
  readonly model: HeldModel
  readonly fleet: Fleet
  /** Stops between two measurements. */
  readonly signal: AbortSignal
}

/** A run at a time, killed once: so each death is the first in a row. */
async function killWorkers(scene: Scene): Promise<{ coldMs: number; recoveryMs: number }[]> {
  const measured = []
  for (let round = -WARM_UPS; round < KILLS; round++) {
    scene.signal.throwIfAborted()
    const run = await startHeldRun(scene)
    const worker = await workerOf(scene.fleet, run)
    const ready = untilReadyAgain(run, 2)
    process.kill(worker, 'SIGKILL')
    const recoveryMs = await ready
    if (round >= 0) measured.push({ coldMs: run.coldMs, recoveryMs })
    await endRun(run)
  }
  return measured
}

/** All of them wait for the limit at the same time. */
async function freezeWorkers(scene: Scene): Promise<number[]> {
  const runs: HeldRun[] = []
  for (let each = 0; each < FROZEN; each++) {
    scene.signal.throwIfAborted()
    runs.push(await startHeldRun(scene))
  }
  const measured = await Promise.all(
    runs.map(async (run, nth) => {
      const worker = await workerOf(scene.fleet, run)
      await new Promise((resolve) => setTimeout(resolve, nth * APART_MS))
      const ready = untilReadyAgain(run, 2)
      process.kill(worker, 'SIGSTOP')
      return ready
    }),
  )
  await Promise.all(runs.map(endRun))
  return measured
}

const workerOf = (fleet: Fleet, { watch }: HeldRun): Promise<number> => fleet.workerOf(sandboxIdOf(watch.runId, 1))

type Adoptions = Record<'killed' | 'frozen' | 'restarted', number[]>

/** One run, whose worker never notices, goes from owner to owner. */
async function endOwners(scene: Scene): Promise<Adoptions> {
  const { fleet, signal } = scene
  const run = await startHeldRun(scene)
  const adoptedFrom = (owner: Member) => run.watch.told('run.adopted', ({ data }) => data.from === owner.id)
  let [owner] = fleet.members
  if (owner === undefined) throw new Error('nobody takes work')
  const measured: Adoptions = { killed: [], frozen: [], restarted: [] }
  for (let round = 0; round < RESTARTS; round++) {
    signal.throwIfAborted()
    await owner.kill9()
    const next = await fleet.join()
    const upAt = performance.now()
    measured.restarted.push(Math.max(0, (await adoptedFrom(owner)).at - upAt))
    owner = next
  }
  for (let round = 0; round < OWNERS_KILLED + OWNERS_FROZEN; round++) {
    signal.throwIfAborted()
    const other = await fleet.join()
    const how = round < OWNERS_KILLED ? 'killed' : 'frozen'
    const startedAt = performance.now()
    process.kill(owner.pid, how === 'killed' ? 'SIGKILL' : 'SIGSTOP')
    measured[how].push((await adoptedFrom(owner)).at - startedAt)
    await owner.kill9()
    owner = other
  }
  await endRun(run)
  return measured
}
