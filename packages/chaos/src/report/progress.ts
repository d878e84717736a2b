import type { Style } from '../../../cli/src/render/style.ts'
import type { Outcome } from '../trial.ts'
import { describeTrial } from './reproduce.ts'
import { seconds } from './seconds.ts'
import { resultOf } from './summary.ts'

/** One line when a trial is over: `  3/200 ✓ worker at worker/turn#2 after  1.24 s`. */
export function progressLine(outcome: Outcome, { done, of }: { done: number; of: number }, style: Style): string {
  const count = `${String(done).padStart(String(of).length)}/${of}`
  const { recoveryMs, turnsPaidTwice, skipped, notes } = outcome
  const details = [
    ...(skipped === undefined ? [] : [skipped]),
    ...(recoveryMs === undefined ? [] : [seconds(recoveryMs)]),
    ...(turnsPaidTwice === 0 ? [] : [`${turnsPaidTwice} paid twice`]),
    ...notes,
  ]
  const signs = { held: style.green('✓'), violated: style.red('✗'), skipped: style.dim('·') }
  const line = `${style.dim(count)} ${signs[resultOf(outcome)]} ${describeTrial(outcome.trial)}`
  return details.length === 0 ? line : `${line}  ${style.dim(details.join(', '))}`
}
