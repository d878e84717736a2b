import { type FactData, type Phase, type SpecfleetError, toSpecfleetError, WORKER_EXIT } from '@specfleet/shared/boot'

export type DeliveryOutcome = FactData<'run.delivered'>['outcome']

/** How a run of this process ended. */
export type Ending =
  /** With a last word in the log. */
  | { kind: 'delivered'; outcome: DeliveryOutcome; phase?: Phase; reason?: string; result?: string }
  /** It cannot be run as it was asked for. */
  | { kind: 'refused'; error: SpecfleetError }
  /** Another incarnation may fare better; nothing is delivered. */
  | { kind: 'rate-limited'; reason: string }
  | { kind: 'broken'; error: SpecfleetError }

/** What an error that nobody handled means: the same for every error of a code. */
export function endingOfError(thrown: unknown): Ending {
  const error = toSpecfleetError(thrown)
  return error.exitCode === WORKER_EXIT.configuration ? { kind: 'refused', error } : { kind: 'broken', error }
}

/** By which the supervisor tells one ending from another. */
export function exitCodeOf(ending: Ending): number {
  switch (ending.kind) {
    case 'delivered':
      return exitCodeOfOutcome(ending.outcome)
    case 'refused':
      return WORKER_EXIT.configuration
    case 'rate-limited':
      return WORKER_EXIT.rateLimited
    case 'broken':
      if (ending.error.code === 'sandbox.disk-full') return WORKER_EXIT.diskFull
      if (ending.error.code === 'sandbox-env.never-came') return WORKER_EXIT.unborn
      return ending.error.exitCode === WORKER_EXIT.busCut ? WORKER_EXIT.busCut : WORKER_EXIT.failed
  }
}

function exitCodeOfOutcome(outcome: DeliveryOutcome): number {
  switch (outcome) {
    case 'done':
    case 'awaiting-approval':
    case 'paused':
    case 'drained':
    case 'cancelled':
      return WORKER_EXIT.done
    case 'failed':
      return WORKER_EXIT.failed
    case 'budget':
      return WORKER_EXIT.budget
  }
}

/** One sentence for people, where there is something to say. */
export function sentenceOf(ending: Ending): string | undefined {
  switch (ending.kind) {
    case 'delivered':
      return ending.reason
    case 'rate-limited':
      return `the model upstream is rate-limited: ${ending.reason}`
    case 'refused':
    case 'broken':
      return ending.error.message
  }
}
