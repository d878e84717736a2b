import { type ApprovalPolicy, needsApproval, type Phase, phaseAfter } from '@specfleet/shared'

/** How often the output of one phase may be handed in before the run fails. */
export const MAX_ATTEMPTS = 3

export type Judged = { readonly phase: Phase; readonly passed: boolean; readonly attempt: number }

/** What follows from a judged output. */
export type NextStep =
  | { readonly do: 'retry'; readonly phase: Phase; readonly attempt: number }
  | { readonly do: 'enter'; readonly phase: Phase }
  /** A person has the next word. */
  | { readonly do: 'await-approval'; readonly phase: Phase }
  | { readonly do: 'finish' }
  | { readonly do: 'give-up'; readonly phase: Phase }

export function nextStep(judged: Judged, approval: ApprovalPolicy): NextStep {
  const { phase, passed, attempt } = judged
  if (!passed) {
    // What is computed comes out the same when it is computed again.
    if (attempt >= MAX_ATTEMPTS || phase === 'sync') return { do: 'give-up', phase }
    return { do: 'retry', phase, attempt: attempt + 1 }
  }
  if (needsApproval(approval, phase)) return { do: 'await-approval', phase }
  const after = phaseAfter(phase)
  return after === undefined ? { do: 'finish' } : { do: 'enter', phase: after }
}
