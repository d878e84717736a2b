import { SpecfleetError } from '@specfleet/shared'
import { describePoint, parsePoint } from './points/point.ts'
import { seconds } from './report/seconds.ts'
import type { Strike } from './trial.ts'
import { VICTIMS } from './world/victim.ts'

const EVERY_EPOCH = ', in every epoch'

/** `worker at worker/turn#2 after`; read back by `parseStrike` where it is at a point. */
export function describeStrike({ at, victim, strikes }: Strike): string {
  const where = at.kind === 'point' ? describePoint(at.point) : `${seconds(at.afterMs)} behind the first task`
  return `${victim} at ${where}${strikes === 'every-epoch' ? EVERY_EPOCH : ''}`
}

/** @throws SpecfleetError `usage` for what `describeStrike` does not write of a point */
export function parseStrike(text: string): Strike {
  const often = text.endsWith(EVERY_EPOCH)
  const [name, where, ...more] = (often ? text.slice(0, -EVERY_EPOCH.length) : text).split(' at ')
  const victim = VICTIMS.find((each) => each === name)
  if (victim === undefined || where === undefined || more.length > 0)
    throw new SpecfleetError('usage', `"${text}" is no blow; one is written worker at worker/turn#2 after`)
  const at = { kind: 'point', point: parsePoint(where) } as const
  return { victim, at, ...(often ? { strikes: 'every-epoch' as const } : {}) }
}
