import type { Author, FactLog, MessageId, NewFact, RunId, SpecId } from '@specfleet/shared'
import { newMessageId } from '@specfleet/shared'
import type { Clock } from './clock.ts'

/** What a fact is about; a fact of no run leaves out the run. */
export type FactScope = { readonly specId: SpecId; readonly runId?: RunId; readonly epoch?: number }

export type StateOptions = {
  readonly signal?: AbortSignal
  /** Default: a new one. */
  readonly id?: MessageId
  /** Last sequence of the spec that the decision rests on. @throws `bus.conflict` when it is not the last. */
  readonly expectLastOfSpec?: number
}

/** Appends what one part of the orchestrator has to say; resolves with its sequence in the log. */
export interface FactWriter {
  state(scope: FactScope, fact: NewFact, options?: StateOptions): Promise<number>
}

/**
 * Facts of an orchestrator carry no counter (`seq: 0`): after a crash nobody knows what the
 * last one was. They are idempotent by their meaning instead.
 */
export function openFactWriter(collaborators: { log: FactLog; clock: Clock }, by: Author): FactWriter {
  return {
    async state({ specId, runId, epoch }, fact, options = {}) {
      const { seq } = await collaborators.log.append(
        {
          v: 1,
          id: options.id ?? newMessageId(),
          type: fact.type,
          specId,
          runId: runId ?? '-',
          epoch: epoch ?? 0,
          seq: 0,
          at: collaborators.clock.now().toISOString(),
          by,
          data: fact.data,
        },
        options,
      )
      return seq
    },
  }
}
