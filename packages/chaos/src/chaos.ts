import { writeFile } from 'node:fs/promises'
import type { Terminal } from '../../cli/src/terminal.ts'
import { doubleMatrix, pointsBehind, sampleOf } from './doubles.ts'
import { type DeploymentEnv, trialLimitMs } from './env.ts'
import type { Scout } from './first-blows.ts'
import type { Options } from './options.ts'
import { drawSample, fullMatrix, isSensible } from './plan.ts'
import { ANY, type PointName } from './points/point.ts'
import { workThrough } from './pool.ts'
import { openJournal } from './report/journal.ts'
import { describeMachine } from './report/machine.ts'
import { progressLine } from './report/progress.ts'
import { type Report, reportAsJson, reportAsMarkdown, reportAsText } from './report/report.ts'
import { reproduce, reproduceCalm, violationLines } from './report/reproduce.ts'
import { seconds } from './report/seconds.ts'
import { resultOf, summarise } from './report/summary.ts'
import { asText, type Table } from './report/table.ts'
import { describeStrike } from './strike.ts'
import { type Calm, type Outcome, runCalm, runScouts, runTrial, type Trial, type TrialOptions } from './trial.ts'
import { familyOf, victimsOf } from './world/hosts/family.ts'
import type { Provider, VictimName } from './world/victim.ts'

export const EXIT = { held: 0, violated: 1, interrupted: 130 } as const

/** What was asked for, where it is done. */
type Plan = Options & { readonly provider: Provider; readonly victims: readonly VictimName[] }
type Surroundings = { readonly terminal: Terminal; readonly env: DeploymentEnv; readonly signal: AbortSignal }

/** Does what the command line asks for and gives the exit code; rejects when the signal aborts. */
export async function runChaos(asked: Options, around: Surroundings): Promise<number> {
  const { terminal, env, signal } = around
  const family = familyOf(env)
  const options: Plan = { ...asked, provider: family.provider, victims: victimsOf(family, asked.victims) }
  const { seed, freezeMs } = options
  const limits: TrialOptions = {
    env,
    signal,
    limitMs: trialLimitMs(env),
    ...(freezeMs === undefined ? {} : { freezeMs }),
  }
  const startedAt = performance.now()
  terminal.note(`seed ${seed}, provider ${family.provider}`)
  const calm = await runCalm(seed, limits)
  if (calm.violations.length > 0) {
    terminal.note(terminal.style.red('violated: the undisturbed run'))
    for (const { promise, sentence, evidence } of calm.violations)
      terminal.note([`  ${promise}: ${sentence}`, ...evidence.map((piece) => `    ${piece}`)].join('\n'))
    terminal.note(`  again: ${reproduceCalm(seed, options)}`)
    return EXIT.violated
  }
  signal.throwIfAborted()
  if (terminal.interactive) terminal.note(`an undisturbed run takes ${seconds(calm.ms)}`)
  const scouts = needsScouts(options) ? await runScouts(seed, limits) : []
  if (options.list) return list(options, calm, scouts, terminal)

  const trials = planTrials(options, calm, scouts)
  const outcomes = await disturb(trials, options, limits, around)
  const report: Report = {
    seed,
    machine: describeMachine(),
    jobs: options.jobs,
    planned: trials.length,
    ms: performance.now() - startedAt,
    outcomes,
    summary: summarise(outcomes, calm.coldStartsMs),
    circumstances: options,
  }
  if (options.json) terminal.printJson(reportAsJson(report))
  else for (const line of reportAsText(report, terminal.style.bold)) terminal.print(line)
  if (options.markdown !== undefined) await writeFile(options.markdown, `${reportAsMarkdown(report).join('\n')}\n`)
  return outcomes.some((outcome) => resultOf(outcome) === 'violated') ? EXIT.violated : EXIT.held
}

/** Only disturbed runs show what is said because of a blow. */
const needsScouts = ({ at, double, list, runs }: Options): boolean =>
  double || (at === undefined && !list && runs === 'full')

/** What was asked for by name; else what the plan says. */
function planTrials(options: Plan, { seen }: Calm, scouts: readonly Scout[]): Trial[] {
  const { runs, at, first, double, victims, everyEpoch, seed } = options

  if (at !== undefined) {
    const name = at.kind === 'point' ? at.point.name : ANY
    const more = { ...(everyEpoch && { strikes: 'every-epoch' as const }), ...(first && { first }) }
    return victims.filter((victim) => isSensible(name, victim)).map((victim) => ({ seed, victim, at, ...more }))
  }
  const plan = { seed, seen, victims }
  const doubles = doubleMatrix(plan, scouts)
  if (double) return runs === 'full' ? doubles : sampleOf(doubles, runs, seed)
  return runs === 'full' ? [...fullMatrix(plan), ...doubles] : drawSample(runs, plan)
}

/** Runs the trials; ends behind the first violation unless it is to keep going. */
async function disturb(
  trials: readonly Trial[],
  options: Plan,
  limits: TrialOptions,
  { terminal, signal }: Surroundings,
): Promise<Outcome[]> {
  const journal = options.journal === undefined ? undefined : openJournal(options.journal, options.provider)
  const outcomes = trials.flatMap((trial) => journal?.find(trial) ?? [])
  if (outcomes.length > 0) terminal.note(`${outcomes.length} of ${trials.length} trials held before`)
  const left = trials.filter((trial) => journal?.find(trial) === undefined)
  await workThrough(left, {
    jobs: options.jobs,
    signal,
    work: async (trial, stop) => {
      try {
        return await runTrial(trial, { ...limits, signal: stop })
      } catch (error) {
        if (!stop.aborted) terminal.note(`could not be judged: ${reproduce(trial, options)}`)
        throw error
      }
    },
    onDone: (outcome) => {
      outcomes.push(outcome)
      journal?.add(outcome)
      if (terminal.interactive)
        terminal.note(progressLine(outcome, { done: outcomes.length, of: trials.length }, terminal.style))
      if (resultOf(outcome) !== 'violated') return true
      const [first = '', ...rest] = violationLines(outcome, options)
      terminal.note([terminal.style.red(first), ...rest].join('\n'))
      return options.keepGoing
    },
  })
  return outcomes
}

function list(
  { victims, json }: Plan,
  { seen, ms, coldStartsMs }: Calm,
  scouts: readonly Scout[],
  terminal: Terminal,
): number {
  const names: PointName[] = [...seen.keys()].filter((name) => name !== ANY).sort()
  const points = names.concat(ANY).map((name) => ({
    name,
    times: seen.get(name) ?? 0,
    victims: victims.filter((victim) => isSensible(name, victim)),
  }))
  const behind = pointsBehind(scouts, seen).map(({ name, times, scout: { strike } }) => ({
    name,
    times,
    first: describeStrike(strike),
  }))
  if (json) {
    terminal.printJson({ points, behind, victims, calm: { ms, coldStartsMs } })
    return EXIT.held
  }
  const rows = points.map(({ name, times, victims: there }) => [
    name,
    String(times),
    there.length === victims.length ? 'all' : 'those outside of sandboxes',
  ])
  const columns = [{ title: 'point' }, { title: 'times', align: 'right' as const }, { title: 'victims' }]
  for (const line of asText({ columns, rows }, terminal.style.bold)) terminal.print(line)
  for (const line of behind.length === 0 ? [] : asText(tableOf(behind), terminal.style.bold)) terminal.print(line)
  const inside = victims.filter((victim) => !isSensible('client/task', victim))
  terminal.print(`\nVictims: ${victims.filter((victim) => !inside.includes(victim)).join(', ')}`)
  if (inside.length > 0) terminal.print(`and of sandboxes: ${inside.join(', ')}`)
  return EXIT.held
}

const tableOf = (behind: readonly { name: PointName; first: string; times: number }[]): Table => ({
  columns: [{ title: 'behind a first blow' }, { title: 'times', align: 'right' }, { title: 'the first blow' }],
  rows: behind.map(({ name, times, first }) => [name, String(times), first]),
})
