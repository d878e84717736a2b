import type { Phase, Verdict } from '@specfleet/shared'
import type { ToolAnswer, ToolCall } from '../tools/tool.ts'
import { handInName } from './hand-in-name.ts'
import { judge } from './judge.ts'
import { MAX_ATTEMPTS, type NextStep } from './machine.ts'
import type { Progress } from './progress.ts'

/** Receives what a model hands in, judges it and keeps the verdicts until the turn is stored. */
export class HandIns {
  readonly #progress: Progress
  readonly #pathExists: (path: string) => boolean
  #verdicts: Verdict[] = []

  constructor(progress: Progress, options: { pathExists: (path: string) => boolean }) {
    this.#progress = progress
    this.#pathExists = options.pathExists
  }

  receive(phase: Phase, call: ToolCall): ToolAnswer {
    const due = this.#progress.phase
    if (due === undefined || this.#progress.step?.do === 'give-up') {
      return { content: 'nothing is to be handed in any more', isError: true }
    }
    if (phase !== due) return { content: `rejected: ${due} is next, by ${handInName(due)}`, isError: true }
    const { attempt } = this.#progress
    const { output, ...judgement } = judge(phase, call.input, this.#progress.outputs, this.#pathExists)
    const verdict = { callId: call.id, phase, attempt, ...judgement }
    this.#verdicts.push(verdict)
    const step = this.#progress.advance(verdict, output)
    return { content: answerTo(verdict, step), isError: !verdict.passed }
  }

  takeVerdicts(): Verdict[] {
    const verdicts = this.#verdicts
    this.#verdicts = []
    return verdicts
  }
}

function answerTo({ passed, score, feedback, attempt }: Verdict, step: NextStep): string {
  if (passed) return `accepted (score ${score.toFixed(2)}). ${whatNow(step)}`
  const left = MAX_ATTEMPTS - attempt
  const chances = left === 0 ? 'No attempt is left.' : `Mend it and hand in again; attempts left: ${left}.`
  return `rejected\n${feedback}\n${chances}`
}

function whatNow(step: NextStep): string {
  if (step.do === 'await-approval') return 'A person approves it before the work goes on.'
  if (step.do !== 'enter' || step.phase === 'sync') return 'Nothing more is to be handed in.'
  return `Next is ${step.phase}, by ${handInName(step.phase)}.`
}
