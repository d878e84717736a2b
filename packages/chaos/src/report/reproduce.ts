import { describePoint } from '../points/point.ts'
import { describeStrike } from '../strike.ts'
import type { Outcome, Trial } from '../trial.ts'
import type { Provider } from '../world/victim.ts'

/** What was given besides the trial and decides how it goes. */
export type Circumstances = {
  readonly provider: Provider
  readonly envFile?: string | undefined
  readonly freezeMs?: number | undefined
}

/** The one command that runs a trial again. */
export function reproduce(
  { first, at, victim, seed, strikes }: Trial,
  { freezeMs, ...circumstances }: Circumstances,
): string {
  const where =
    at.kind === 'point' ? ['--point', quoted(describePoint(at.point))] : ['--after', String(Math.round(at.afterMs))]
  return [
    programOf(circumstances),
    ...(first === undefined ? [] : ['--first', quoted(describeStrike(first))]),
    ...where,
    '--victim',
    victim,
    '--seed',
    String(seed),
    ...(strikes === 'every-epoch' ? ['--every-epoch'] : []),
    ...(freezeMs === undefined ? [] : ['--freeze', String(freezeMs / 1_000)]),
    ...configurationOf(circumstances),
  ].join(' ')
}

/** The command that shows the points of the undisturbed run again. */
export const reproduceCalm = (seed: number, circumstances: Circumstances): string =>
  [programOf(circumstances), '--list --seed', String(seed), ...configurationOf(circumstances)].join(' ')

/** A file says by what sandboxes are made, as it says everything else. */
const programOf = ({ provider, envFile }: Circumstances): string =>
  `${envFile === undefined && provider !== 'process' ? `SPECFLEET_PROVIDER=${provider} ` : ''}npm run chaos --`

const configurationOf = ({ envFile }: Circumstances): string[] =>
  envFile === undefined ? [] : ['--env', quoted(envFile)]

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
