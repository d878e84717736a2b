import {
  addUsage,
  type Budget,
  Epoch,
  type NewFact,
  type NewTrace,
  NO_USAGE,
  RunId,
  SpecId,
  TurnRecord,
} from '@specfleet/shared'
import { Orders } from '../link/orders.ts'
import type { Means } from './conversation.ts'
import { openModel } from './model.ts'

/** Means of a conversation for tests: the model is a real peer at `url`, everything said is kept in memory. */
export type KeptMeans = Means & {
  readonly facts: NewFact[]
  readonly traces: NewTrace[]
  readonly stored: TurnRecord[]
  /** Waits that were asked for, in milliseconds. */
  readonly waits: number[]
  /** Called before a turn is stored. */
  onStore: () => void
  kill(reason: Error): void
}

export function keptMeans(url: string, options: { budget?: Budget; minutes?: number } = {}): KeptMeans {
  const facts: NewFact[] = []
  const traces: NewTrace[] = []
  const stored: TurnRecord[] = []
  const waits: number[] = []
  const life = new AbortController()
  let used = { turns: 0, usage: NO_USAGE }
  const clock = {
    now: () => new Date(),
    sleep: async (ms: number, signal: AbortSignal) => {
      waits.push(ms)
      signal.throwIfAborted()
    },
    monotonic: () => performance.now(),
    host: () => performance.now(),
    random: () => 0,
  }
  const means: KeptMeans = {
    facts,
    traces,
    stored,
    waits,
    onStore: () => {},
    kill: (reason) => life.abort(reason),
    clock,
    link: {
      scope: { specId: SpecId.parse('spec'), runId: RunId.parse('run'), epoch: Epoch.parse(1) },
      orders: new Orders(),
      standing: { phase: null, turn: 0 },
      state: async (fact) => void facts.push(fact),
      trace: (trace) => void traces.push(trace),
      log: () => {},
      [Symbol.asyncDispose]: async () => {},
    },
    model: openModel({
      fetch: (input, init) => fetch(String(input).replace('http://model.invalid', url), init),
      model: 'fake-model',
      clearOldToolUses: false,
      clock,
      onRetry: (attempt, reason) =>
        traces.push({ type: 'model.retried', data: { turn: used.turns + 1, attempt, reason } }),
    }),
    tally: {
      get turns() {
        return used.turns
      },
      get paidTurns() {
        return used.turns
      },
      get usage() {
        return used.usage
      },
      minutes: options.minutes ?? 0,
      add: (usage) => {
        used = { turns: used.turns + usage.turns, usage: addUsage(used.usage, usage) }
      },
    },
    store: async (record) => {
      means.onStore()
      // As it comes back from the wire.
      stored.push(TurnRecord.parse(JSON.parse(JSON.stringify(record))))
    },
    budget: options.budget ?? {},
    free: false,
    labels: { model: 'fake-model', upstream: 'fake' },
    life: life.signal,
  }
  return means
}
