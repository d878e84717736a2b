import type { RunId } from '../contract/ids.ts'
import type { Phase } from '../contract/phase.ts'
import type { SpecState } from './state.ts'

/** What should be true of a run now. */
export type Demand =
  | {
      kind: 'work'
      /** The phase to work on; absent where the agent drives or there are no phases. */
      phase?: Phase
      /** The epoch that runs, if one does, works on what was dropped since: replace it. */
      stale: boolean
    }
  | { kind: 'hold'; why: 'approval' | 'paused' }
  | { kind: 'end'; outcome: 'done' | 'failed' | 'cancelled'; reason?: string }
  /** Only a person can let it go on; a run that is not parked yet is to be parked. */
  | { kind: 'parked'; reason: string }

/** Derives from the log alone what should be true of a run now. Pure. */
export declare function runDemand(state: SpecState | undefined, runId: RunId): Demand
