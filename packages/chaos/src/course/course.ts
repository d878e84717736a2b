import { setTimeout as pause } from 'node:timers/promises'
import type { PointName } from '../points/point.ts'
import type { Stopped } from '../points/relay.ts'
import type { CountedFrom } from '../points/stops.ts'
import type { Strike, Trial, When } from '../trial.ts'
import type { Disturbance } from '../verdict/evidence.ts'
import { attend, commandUntilTaken } from '../world/steward.ts'
import type { Recovery, Scene, Victim } from '../world/victim.ts'
import { VICTIM_BY_NAME } from '../world/victims/index.ts'
import type { World } from '../world/world.ts'

/** How a trial went, from the first task until everything was settled. */
export type Course = Pick<Disturbance, 'blows' | 'zombie'> & {
  readonly recoveryMs: number | undefined
  readonly skipped: string | undefined
}

export type CourseOptions = { readonly freezeMs: number; readonly signal: AbortSignal }

/** Somebody came to the point, the time was up, or all was over before. */
type Moment = { readonly kind: 'now'; readonly stopped: Stopped | undefined } | { readonly kind: 'never' }

/** Runs the work without any disturbance. */
export async function runUndisturbed(world: World, signal: AbortSignal): Promise<ReadonlyMap<PointName, number>> {
  await whileNobodyGivesUp(world, attend(world, world, signal), signal)
  return new Map(world.relay.seen)
}

/**
 * Runs the work, strikes when the time has come, and waits until everything is settled.
 * @throws RunParked when a run is given up that should not be; rejects with the signal's reason
 */
export async function runDisturbed(
  world: World,
  { first, ...last }: Pick<Trial, 'first'> & Strike,
  options: CourseOptions,
): Promise<Course> {
  return runWork(world, [first, last], options, async (stage) => {
    if (first === undefined) return courseOf(await strikeAll(stage, last, 'start'))
    let behind: Promise<Blown[]> = Promise.resolve([])
    const before = await strikeAll(stage, first, 'start', () => {
      behind = strikeAll(stage, last, 'now')
      // Told where it is awaited; the first may still be at work then.
      behind.catch(() => undefined)
    })
    return courseOf(await behind, before)
  })
}

/** Strikes once, or in every epoch, and tells what was said from the first blow on. */
export async function scout(
  world: World,
  strike: Strike,
  options: CourseOptions,
): Promise<ReadonlyMap<PointName, number>> {
  let seen: () => ReadonlyMap<PointName, number> = () => new Map()
  await runWork(world, [strike], options, (stage) =>
    strikeAll(stage, strike, 'start', () => {
      seen = world.relay.countFromNow()
    }),
  )
  return seen()
}

/** Where blows fall while the work goes on; `over` aborts when all of it is settled. */
type Stage = CourseOptions & { readonly world: World; readonly over: AbortSignal }

async function runWork<T>(
  world: World,
  strikes: readonly (Strike | undefined)[],
  options: CourseOptions,
  disturb: (stage: Stage) => Promise<T>,
): Promise<T> {
  const over = new AbortController()
  const settled = attend(world, world, options.signal)
  const mayPark = strikes.some((each) => each?.strikes === 'every-epoch')
  const work = mayPark ? settled : whileNobodyGivesUp(world, settled, options.signal)
  const ended = work.finally(() => over.abort(new Error('all is settled')))
  ended.catch(() => undefined)
  const done = await disturb({ ...options, world, over: over.signal })
  await ended
  return done
}

type Blown = { readonly kind: 'none'; readonly why: string } | ({ readonly kind: 'struck' } & Recovery)

const isStruck = (blow: Blown): blow is { readonly kind: 'struck' } & Recovery => blow.kind === 'struck'

function courseOf(blows: readonly Blown[], before: readonly Blown[] = []): Course {
  const struck = blows.filter(isStruck)
  const all = [...before.filter(isStruck), ...struck]
  const missed = [...before, ...blows].find((blow) => blow.kind === 'none')
  const line = all.find(({ lastLine }) => lastLine !== undefined)?.lastLine
  return {
    blows: all.reduce((sum, { blows = 1 }) => sum + blows, 0),
    zombie: line === undefined ? undefined : { lastLine: line },
    recoveryMs: struck.find(({ recoveryMs }) => recoveryMs !== undefined)?.recoveryMs,
    skipped: struck.length > 0 ? undefined : (missed?.why ?? 'the point did not come by'),
  }
}

/**
 * Strikes when somebody comes to the point: once, or in every epoch until the run is parked, and retries it then.
 * `onMoment` is called before the first blow.
 */
async function strikeAll(
  stage: Stage,
  strike: Strike,
  from: CountedFrom,
  onMoment: () => void = () => {},
): Promise<Blown[]> {
  const { world } = stage
  const everyEpoch = strike.strikes === 'every-epoch'
  const blows: Blown[] = []
  for (let again = true; again; ) {
    const now = await momentOf(stage, strike.at, from)
    if (now.kind === 'never') break
    if (blows.length === 0) onMoment()
    const blown = await strikeNow(stage, now.stopped, VICTIM_BY_NAME[strike.victim])
    blows.push(blown)
    again = everyEpoch && blown.kind === 'struck' && !isParked(world)
  }
  if (everyEpoch && isParked(world)) await retryParked(world, stage.signal)
  return blows
}

async function momentOf({ world, signal, over }: Stage, at: When, from: CountedFrom): Promise<Moment> {
  const ends = AbortSignal.any([signal, over])
  try {
    if (at.kind === 'point') return { kind: 'now', stopped: await world.relay.stopAt(at.point, ends, from) }
    await pause(at.afterMs, undefined, { signal: ends })
    return { kind: 'now', stopped: undefined }
  } catch (error) {
    if (over.aborted) return { kind: 'never' }
    throw error
  }
}

async function strikeNow(
  { world, freezeMs, signal }: Stage,
  stopped: Stopped | undefined,
  victim: Victim,
): Promise<Blown> {
  const scene: Scene = { world, stopped, freezeMs, signal }
  const blow = await victim.strike(scene)
  if (blow.kind === 'struck' && blow.cuts) stopped?.cut()
  else stopped?.release()
  return blow.kind === 'none' ? blow : { kind: 'struck', ...(await blow.aftermath()) }
}

/** A run was given up that a single blow should not have brought down. */
export class RunParked extends Error {}

async function whileNobodyGivesUp({ chronicle }: World, work: Promise<void>, signal: AbortSignal): Promise<void> {
  const over = new AbortController()
  const parked = chronicle
    .until(
      () => [...chronicle.records.values()].find(({ state }) => state === 'parked'),
      AbortSignal.any([signal, over.signal]),
    )
    .then((run) => {
      throw new RunParked(`run ${run.runId} is parked: ${run.state === 'parked' ? run.reason : ''}`)
    })
  parked.catch(() => undefined)
  await Promise.race([work, parked]).finally(() => over.abort(new Error('the work is over')))
}

const isParked = ({ chronicle }: World): boolean =>
  [...chronicle.records.values()].some(({ state }) => state === 'parked')

async function retryParked({ fleet, chronicle }: World, signal: AbortSignal): Promise<void> {
  for (const run of chronicle.records.values())
    if (run.state === 'parked') await commandUntilTaken(fleet, { command: 'retry', specId: run.specId }, signal)
}
