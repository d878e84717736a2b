import type { Command } from '../contract/api.ts'
import type { NewFact } from '../contract/facts/index.ts'
import type { TaskId } from '../contract/ids.ts'
import type { SpecState } from './state.ts'

export type Decision =
  | {
      ok: true
      /** To be appended in this order, by `api`, as facts of no run (`runId: "-"`, `epoch: 0`). */
      facts: NewFact[]
      /** What live workers of the spec are told once the facts are in the log. */
      control?: 'cancel' | 'pause' | 'steer'
      /**
       * Every run that could go on has ended: queue this task again under a new id, with
       * neither `text` nor `phase` nor `context`, for those are in the log.
       */
      requeue?: TaskId
    }
  | { ok: false; code: 'command.refused' | 'spec.unknown'; message: string }

/** What a command means for a spec as it is: facts to append, or why not. Pure. */
export declare function decide(state: SpecState | undefined, command: Command): Decision
