import type { Budget, Phase, TurnRecord, Usage, Verdict } from '@specfleet/shared'
import type { Clock } from '../clock.ts'
import type { Stop } from '../link/orders.ts'
import type { Link } from '../link.ts'
import type { Toolbox } from '../tools/registry.ts'
import type { Model } from './model.ts'

/** What is talked about, and what follows from it. */
export interface Conversation {
  /** Names it in turn records. */
  readonly name: string
  readonly system: string
  /** First words, when there is no stored turn to go on from. */
  readonly opening: string
  /** Said to a model that stops although it owes a hand-in. */
  readonly nudge: string
  /** Acknowledged turns to go on from, oldest first. */
  readonly stored: readonly TurnRecord[]
  readonly toolbox: Toolbox
  /** Whether the model has to hand something in before it may stop. */
  owesHandIn(): boolean
  /** Whether what was handed in so far ends the conversation. */
  isOver(): boolean
  standing(): { phase: Phase | null; attempt: number }
  /** Verdicts on what was handed in since the last call. */
  takeVerdicts(): Verdict[]
  /** States what follows from a stored turn, as far as that has not been stated. Afterwards `isOver` holds for it. */
  settle(record: TurnRecord): Promise<void>
}

/** Why a conversation ended. */
export type ConversationEnd =
  /** What was handed in ended it. */
  | { kind: 'over' }
  /** The model has nothing more to say. */
  | { kind: 'finished'; text: string }
  | { kind: 'stopped'; stop: Stop }
  | { kind: 'budget'; reason: string }
  | { kind: 'failed'; reason: string }
  | { kind: 'rate-limited'; reason: string }
  | { kind: 'unreachable'; reason: string }

/** What the run has used so far, over all its epochs. */
export interface Tally {
  readonly turns: number
  readonly usage: Usage
  /** Replies that count against the budget: those that a crash lost were paid as well. */
  readonly paidTurns: number
  readonly minutes: number
  add(usage: Usage): void
}

/** What a conversation is held with. */
export type Means = {
  readonly link: Link
  readonly model: Model
  readonly clock: Clock
  readonly tally: Tally
  /** Settles when the turn is acknowledged. */
  readonly store: (record: TurnRecord) => Promise<void>
  readonly budget: Budget
  /** Whether replies cost nothing. */
  readonly free: boolean
  readonly labels: { readonly model: string; readonly upstream: string }
  /** Fires when the bus is gone for good. */
  readonly life: AbortSignal
}
