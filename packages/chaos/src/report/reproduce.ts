import { describePoint } from '../points/point.ts'
import { describeStrike } from '../strike.ts'
import type { Outcome, Trial } from '../trial.ts'

/** What was given besides the trial and decides how it goes. */
export type Circumstances = { readonly envFile?: string | undefined; readonly freezeMs?: number | undefined }

/** The one command that runs a trial again. */
export function reproduce(
  { first, at, victim, seed, strikes }: Trial,
  { envFile, freezeMs }: Circumstances = {},
): string {
  const where =
    at.kind === 'point' ? ['--point', quoted(describePoint(at.point))] : ['--after', String(Math.round(at.afterMs))]
  return [
    'npm run chaos --',
    ...(first === undefined ? [] : ['--first', quoted(describeStrike(first))]),
    ...where,
    '--victim',
    victim,
    '--seed',
    String(seed),
    ...(strikes === 'every-epoch' ? ['--every-epoch'] : []),
    ...(freezeMs === undefined ? [] : ['--freeze', String(freezeMs / 1_000)]),
    ...(envFile === undefined ? [] : ['--env', quoted(envFile)]),
  ].join(' ')
}

/** For a shell. */
const quoted = (text: string): string => (/^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)

/** `worker at worker/turn#2 after`, and what was struck before. */
export const describeTrial = (trial: Trial): string =>
  `${describeStrike(trial)}${trial.first === undefined ? '' : `; before: ${describeStrike(trial.first)}`}`

/** What was violated, what proves it, and how to see it again. */
export function violationLines(outcome: Outcome, circumstances: Circumstances): string[] {
  return [
    `violated: ${describeTrial(outcome.trial)}`,
    ...outcome.violations.flatMap(({ promise, sentence, evidence }) => [
      `  ${promise}: ${sentence}`,
      ...evidence.map((piece) => `    ${piece}`),
    ]),
    `  again: ${reproduce(outcome.trial, circumstances)}`,
  ]
}
