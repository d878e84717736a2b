import { setTimeout as pause } from 'node:timers/promises'
import type { PointName } from '../points/point.ts'
import type { Stopped } from '../points/relay.ts'
import type { Trial } from '../trial.ts'
import type { Disturbance } from '../verdict/evidence.ts'
import { attend, commandUntilTaken } from '../world/steward.ts'
import type { Recovery, Scene, Victim } from '../world/victim.ts'
import type { World } from '../world/world.ts'

/** How a trial went, from the first task until everything was settled. */
export type Course = Disturbance & {
  readonly recoveryMs: number | undefined
  readonly skipped: string | undefined
  readonly notes: readonly string[]
}

export type CourseOptions = { readonly freezeMs: number; readonly signal: AbortSignal }

/** Somebody came to the point, the time was up, or all was over before. */
type Moment = { readonly kind: 'now'; readonly stopped: Stopped | undefined } | { readonly kind: 'never' }

/** Runs the work without any disturbance. */
export async function runUndisturbed(world: World, signal: AbortSignal): Promise<ReadonlyMap<PointName, number>> {
  await whileNobodyGivesUp(world, attend(world, world.jobs, signal), signal)
  return new Map(world.relay.seen)
}

/**
 * Runs the work, strikes when the time has come, and waits until everything is settled.
 * @throws RunParked when a run is given up that should not be; rejects with the signal's reason
 */
export async function runDisturbed(
  world: World,
  trial: Trial,
  victim: Victim,
  options: CourseOptions,
): Promise<Course> {
  const { signal } = options
  const over = new AbortController()
  const settled = attend(world, world.jobs, signal)
  const work = trial.strikes === 'every-epoch' ? settled : whileNobodyGivesUp(world, settled, signal)
  const ended = work.finally(() => over.abort(new Error('all is settled')))
  ended.catch(() => undefined)
  const moment = () => momentOf(world, trial, AbortSignal.any([signal, over.signal]), over.signal)
  const blows: Blown[] = []
  for (let again = true; again; ) {
    const now = await moment()
    const blown = now.kind === 'never' ? undefined : await strike(world, now.stopped, victim, options)
    if (blown === undefined) break
    blows.push(blown)
    again = trial.strikes === 'every-epoch' && blown.kind === 'struck' && !isParked(world)
  }
  if (isParked(world)) await retryParked(world, signal)
  await ended
  return courseOf(blows)
}

type Blown = { readonly kind: 'none'; readonly why: string } | ({ readonly kind: 'struck' } & Recovery)

function courseOf(blows: readonly Blown[]): Course {
  const struck = blows.filter((blow) => blow.kind === 'struck')
  const missed = blows.find((blow) => blow.kind === 'none')
  const line = struck.find(({ lastLine }) => lastLine !== undefined)?.lastLine
  return {
    blows: struck.length,
    zombie: line === undefined ? undefined : { lastLine: line },
    recoveryMs: struck.find(({ recoveryMs }) => recoveryMs !== undefined)?.recoveryMs,
    skipped: struck.length > 0 ? undefined : (missed?.why ?? 'the point did not come by'),
    notes: [],
  }
}

async function momentOf({ relay }: World, { at }: Trial, signal: AbortSignal, over: AbortSignal): Promise<Moment> {
  try {
    if (at.kind === 'point') return { kind: 'now', stopped: await relay.stopAt(at.point, signal) }
    await pause(at.afterMs, undefined, { signal })
    return { kind: 'now', stopped: undefined }
  } catch (error) {
    if (over.aborted) return { kind: 'never' }
    throw error
  }
}

async function strike(
  world: World,
  stopped: Stopped | undefined,
  victim: Victim,
  { freezeMs, signal }: CourseOptions,
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
