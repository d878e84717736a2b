import type { Violation } from '../trial.ts'
import type { Disturbance, Evidence } from './evidence.ts'
import { judgeFinalState } from './final-state.ts'
import { judgeCarriedOver, judgeFences } from './history.ts'
import { judgeParking } from './parking.ts'
import { judgeReplay } from './replay.ts'
import { judgeSettling } from './settling.ts'
import { judgeSpending } from './spending.ts'
import { judgeZombie } from './zombies.ts'

/** All that is against what was promised, of a world that came to its end. Pure. */
export const judge = (evidence: Evidence, calm: Evidence, disturbance: Disturbance): Violation[] => [
  ...judgeSettling(evidence),
  ...judgeFinalState(evidence, calm, disturbance),
  ...judgeReplay(evidence),
  ...judgeSpending(evidence, disturbance),
  ...judgeCarriedOver(evidence),
  ...judgeFences(evidence),
  ...judgeParking(evidence, disturbance),
  ...judgeZombie(disturbance),
]
