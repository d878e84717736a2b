import type { Fact, FactType } from '../../contract/facts/index.ts'
import { NO_USAGE, type Usage } from '../../contract/usage.ts'
import type { RunView } from '../run-view.ts'
import type { SpecState } from '../state.ts'

export type FactOf<T extends FactType> = Extract<Fact, { type: T }>

/** Longest reason that is kept of a refusal. */
const MAX_REASON = 300

/** Counts what a sandbox may not state; the state is otherwise as it was. */
export function refuse(state: SpecState, reason: string): SpecState {
  return { ...state, refused: { count: state.refused.count + 1, lastReason: reason.slice(0, MAX_REASON) } }
}

/** Replaces the run of that id. Most facts change a run, so what is copied is a list of references. */
export const withRun = (state: SpecState, run: RunView): SpecState => ({ ...state, runs: replaced(state.runs, run) })

const replaced = (runs: readonly RunView[], run: RunView): RunView[] =>
  runs.with(
    runs.findIndex(({ runId }) => runId === run.runId),
    run,
  )

/** Sets a run whose spending changed, and the spec's total with it. */
export function withSpending(state: SpecState, run: RunView): SpecState {
  const runs = replaced(state.runs, run)
  return { ...state, runs, usage: runs.reduce((sum, { usage }) => plus(sum, usage), NO_USAGE) }
}

const bounded = (count: number): number => Math.min(count, Number.MAX_SAFE_INTEGER)

/** A sum that stays legal whatever a sandbox claims. */
export const plus = (a: Usage, b: Usage): Usage => ({
  turns: bounded(a.turns + b.turns),
  toolCalls: bounded(a.toolCalls + b.toolCalls),
  inputTokens: bounded(a.inputTokens + b.inputTokens),
  outputTokens: bounded(a.outputTokens + b.outputTokens),
  cacheReadTokens: bounded(a.cacheReadTokens + b.cacheReadTokens),
  cacheWriteTokens: bounded(a.cacheWriteTokens + b.cacheWriteTokens),
  usd: a.usd === null || b.usd === null ? null : bounded(a.usd + b.usd),
})

/** Two lower bounds of one figure: the one that counts more turns. */
export const larger = (a: Usage, b: Usage): Usage => (b.turns >= a.turns ? b : a)

/** `who` of a fact, where it was given. */
export const named = (who: string | undefined): { who?: string } => (who === undefined ? {} : { who })
