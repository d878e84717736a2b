import type { ApprovalPolicy, EarlierOutputs, Phase, Verdict } from '@specfleet/shared'
import { MAX_ATTEMPTS, type NextStep, nextStep } from './machine.ts'

export type ProgressState = {
  /** The phase to hand in now; none when nothing is owed any more. */
  readonly phase: Phase | undefined
  readonly failedAttempts: number
  readonly outputs: EarlierOutputs
}

/** Where a run stands in the phases, moved on by verdicts, each of which counts once. */
export class Progress {
  readonly #approval: ApprovalPolicy
  #state: ProgressState
  #step: NextStep | undefined

  constructor(state: ProgressState, approval: ApprovalPolicy) {
    this.#state = state
    this.#approval = approval
    if (state.phase !== undefined && state.failedAttempts >= MAX_ATTEMPTS) {
      this.#step = { do: 'give-up', phase: state.phase }
    }
  }

  get phase(): Phase | undefined {
    return this.#state.phase
  }

  /** The attempt that the next hand-in is. */
  get attempt(): number {
    return this.#state.failedAttempts + 1
  }

  get outputs(): EarlierOutputs {
    return this.#state.outputs
  }

  /** What followed from the last verdict; `undefined` before the first. */
  get step(): NextStep | undefined {
    return this.#step
  }

  /** Whether this is the verdict that is due; one that counted already, or of another time, is not. */
  isDue(verdict: Pick<Verdict, 'phase' | 'attempt'>): boolean {
    return verdict.phase === this.phase && verdict.attempt === this.attempt
  }

  /** Moves on by the verdict that is due. `output` is what it judged; of no account when it did not pass. */
  advance(verdict: Pick<Verdict, 'phase' | 'attempt' | 'passed'>, output: unknown): NextStep {
    const { phase, passed } = verdict
    const step = nextStep(verdict, this.#approval)
    const { failedAttempts, outputs } = this.#state
    this.#state = passed
      ? {
          phase: step.do === 'enter' ? step.phase : undefined,
          failedAttempts: 0,
          outputs: { ...outputs, [phase]: output },
        }
      : { phase, failedAttempts: failedAttempts + 1, outputs }
    this.#step = step
    return step
  }
}
