import type { RunRecord, SpecState } from '@specfleet/shared'
import type { Call } from '../../../testkit/src/gated-model.ts'
import type { Heard } from '../world/chronicle.ts'

/** Everything that is judged, gathered from outside: nothing of it is the word of the parts under test alone. */
export type Evidence = {
  /** The specs of the world and the task of each, in the order of the work. */
  readonly tasks: readonly {
    readonly specId: string
    readonly taskId: string
    readonly outcome: 'done' | 'cancelled'
  }[]
  /** The whole log, oldest first. */
  readonly log: readonly Heard[]
  /** By run id. */
  readonly records: ReadonlyMap<string, RunRecord>
  /** The fold of the log, by spec. */
  readonly states: ReadonlyMap<string, SpecState>
  /** What lies in the bucket of views, as text, by spec. */
  readonly views: ReadonlyMap<string, { readonly text: string; readonly foldedTo: number }>
  /** What the fleet tells of each spec when it is asked, as text, and how far the log went when it was asked. */
  readonly told: ReadonlyMap<string, { readonly text: string; readonly foldedTo: number; readonly askedAt: number }>
  /** Model calls, as the model counted them. */
  readonly calls: readonly Call[]
  /** Why workers called again, as they said themselves. */
  readonly retries: readonly { readonly specId: string; readonly reason: string }[]
  readonly queued: number
  readonly dead: readonly Letter[]
  /** Letters that are to be there: of what could not be accepted. */
  readonly refused: readonly Letter[]
  /** Turns that are kept of runs, finished or not. */
  readonly turns: number
}

/** A task that was refused: why, where it had been sent, and what it said. */
export type Letter = { readonly reason: string; readonly subject: string; readonly text: string }

export type Ended = { readonly id: string; readonly how: number | string; readonly lastLine: string }

/** What was done to the world, and what was seen of it meanwhile. */
export type Disturbance = {
  /** How many blows fell: each may cost every run one turn that is paid again. */
  readonly blows: number
  /** Whether tools answered otherwise because of them, so that the model read, and was paid for, other words. */
  readonly toldToModel: boolean
  /** Failures in a row behind which a run is parked; `undefined` where the configuration may forgive some. */
  readonly attemptLimit: number | undefined
  /** Orchestrators that ended by themselves, with the last that they said. */
  readonly ended: readonly Ended[]
  readonly zombie: { readonly lastLine: string } | undefined
}
