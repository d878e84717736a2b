import { type PointName, parsePoint } from './points/point.ts'
import type { Strike } from './trial.ts'

/** A blow behind which things are said that an undisturbed run never says. */
export type FirstBlow = {
  readonly strike: Strike
  /** What is said without it as well, but means something else behind it. */
  readonly again: readonly PointName[]
}

/** What was said behind a first blow, counted from it. */
export type Scout = FirstBlow & { readonly seen: ReadonlyMap<PointName, number> }

const at = (point: string): Strike['at'] => ({ kind: 'point', point: parsePoint(point) })

/** A death, an adoption, a parking with its retry. */
export const FIRST_BLOWS: readonly FirstBlow[] = [
  {
    strike: { victim: 'worker', at: at('worker/turn#2 after') },
    again: [
      'supervisor/account/made',
      'supervisor/account/removed',
      'supervisor/account/revoked',
      'supervisor/fact/run.fenced',
      'supervisor/fact/run.spawned',
      'supervisor/record/claimed',
      'supervisor/record/running',
      'supervisor/record/starting',
      'worker/fact/run.ready',
      'desk/answer/resume',
    ],
  },
  {
    strike: { victim: 'orchestrator', at: at('worker/turn#2 after') },
    again: ['supervisor/record/running'],
  },
  {
    strike: { victim: 'worker', at: at('worker/call/model before'), strikes: 'every-epoch' },
    again: ['supervisor/record/waiting', 'supervisor/record/claimed', 'supervisor/fact/run.fenced'],
  },
]
