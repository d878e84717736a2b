import type { DeathCause, Demand, RunView, WaitReason } from '@specfleet/shared'
import { describeCause, isRetryable } from '@specfleet/shared'
import { isEnginesOwn } from '../engines/breaker.ts'
import { afterFailure, type BackoffPolicy, type LastLife } from './backoff.ts'

/** What becomes of a run whose incarnation is no more. */
export type Aftermath =
  | { readonly kind: 'settle'; readonly outcome: 'done' | 'failed' | 'cancelled'; readonly reason: string | undefined }
  | {
      readonly kind: 'wait'
      readonly why: WaitReason
      /** From now; `undefined` waits for the log. */
      readonly delayMs: number | undefined
      readonly failures: number
      /** Present when the incarnation failed, rather than ended as it was meant to. */
      readonly lost: DeathCause | undefined
    }
  /** Its owner starts the next epoch at once, and keeps the slot meanwhile. */
  | { readonly kind: 'again'; readonly failures: number; readonly lost: DeathCause }
  | { readonly kind: 'park'; readonly reason: string; readonly failures: number; readonly lost: DeathCause | undefined }

export type DeadIncarnation = {
  readonly cause: DeathCause
  /** It ended because somebody asked it to. */
  readonly asked: boolean
  readonly life: LastLife
}

/**
 * Exactly one of settle, wait, again and park follows every death. Pure.
 *
 * 1. What the log demands comes first: work that is done is done, however its worker died.
 * 2. An end that was asked for, or that the worker announced, is no failure.
 * 3. The loss of an owner, or of an engine that is sick itself, is no failure of the run.
 * 4. What no further epoch could mend is parked at once.
 */
export function aftermath(
  demand: Demand,
  view: RunView | undefined,
  dead: DeadIncarnation,
  failures: number,
  policy: BackoffPolicy,
  random: number,
): Aftermath {
  if (demand.kind === 'end') return { kind: 'settle', outcome: demand.outcome, reason: demand.reason }
  const announced = view?.delivered?.outcome
  const deliberate =
    dead.asked || announced === 'drained' || announced === 'paused' || announced === 'awaiting-approval'
  const lost = deliberate || announced === 'cancelled' ? undefined : dead.cause
  if (demand.kind === 'hold') return { kind: 'wait', why: demand.why, delayMs: undefined, failures, lost }
  if (demand.kind === 'parked') return { kind: 'park', reason: demand.reason, failures, lost }
  if (lost === undefined) return { kind: 'wait', why: 'drained', delayMs: 0, failures, lost }
  if (isNoFault(lost)) return { kind: 'wait', why: 'backoff', delayMs: 0, failures, lost }
  if (!isRetryable(lost))
    return { kind: 'park', reason: `${describeCause(lost)}: another attempt could not fare better`, failures, lost }
  const retry = afterFailure(failures, dead.life, policy, random)
  const after = { failures: retry.failures, lost }
  if (retry.kind === 'give-up')
    return {
      kind: 'park',
      reason: `it died ${retry.failures} times in a row, last by ${describeCause(lost)}`,
      ...after,
    }
  return retry.delayMs === 0
    ? { kind: 'again', ...after }
    : { kind: 'wait', why: 'backoff', delayMs: retry.delayMs, ...after }
}

/** What may be tried again at once, as soon as there is a place: nothing that the run did led to it. */
const isNoFault = (lost: DeathCause): boolean =>
  lost.kind === 'owner-lost' || (lost.kind === 'provider-error' && isEnginesOwn(lost.code))
