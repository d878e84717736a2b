import { availableParallelism } from 'node:os'
import { SpecfleetError } from '@specfleet/shared'
import { Command, Option } from 'commander'
import * as z from 'zod'
import { ANY, type Point, parsePoint } from './points/point.ts'
import { parseStrike } from './strike.ts'
import type { Strike } from './trial.ts'
import { VICTIMS, type VictimName } from './world/victim.ts'

/** What was asked for on the command line. */
export type Options = {
  readonly seed: number
  /** A number of drawn trials, or all there are. */
  readonly runs: number | 'full'
  /** Only there. */
  readonly at:
    | { readonly kind: 'point'; readonly point: Point }
    | { readonly kind: 'time'; readonly afterMs: number }
    | undefined
  /** Only these; `undefined` when none was named. */
  readonly victims: readonly VictimName[] | undefined
  /** Struck before. */
  readonly first: Strike | undefined
  /** Only trials of two blows. */
  readonly double: boolean
  readonly everyEpoch: boolean
  readonly jobs: number
  readonly keepGoing: boolean
  readonly list: boolean
  readonly json: boolean
  readonly markdown: string | undefined
  /** Where outcomes are kept as they come, and where those of an earlier run are. */
  readonly journal: string | undefined
  readonly envFile: string | undefined
  readonly freezeMs: number | undefined
}

const DEFAULT_RUNS = 50
const MOST_SEED = 2 ** 31 - 1

const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most)
const Flags = z.object({
  runs: whole(1, 100_000).default(DEFAULT_RUNS),
  full: z.boolean().default(false),
  seed: whole(0, MOST_SEED).optional(),
  point: z.string().optional(),
  first: z.string().optional(),
  double: z.boolean().default(false),
  after: whole(0, 3_600_000).optional(),
  victim: z.array(z.enum(VICTIMS)).default([]),
  everyEpoch: z.boolean().default(false),
  jobs: whole(1, 64).optional(),
  keepGoing: z.boolean().default(false),
  list: z.boolean().default(false),
  json: z.boolean().default(false),
  markdown: z.string().optional(),
  journal: z.string().optional(),
  env: z.string().optional(),
  freeze: z.coerce.number().min(0.1).max(3_600).optional(),
})

/**
 * The command line. `random` is from 0 to 1 and draws the seed where none is given.
 * @throws CommanderError, SpecfleetError `usage`
 */
export function readOptions(argv: readonly string[], random: () => number): Options {
  const command = chaosCommand().parse(argv, { from: 'user' })
  const parsed = Flags.safeParse(command.opts())
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new SpecfleetError('usage', `--${kebab(String(issue?.path[0]))}: ${issue?.message}`)
  }
  const flags = parsed.data
  if (flags.point !== undefined && flags.after !== undefined)
    throw new SpecfleetError('usage', '--point and --after are two moments; give one')
  if (flags.first !== undefined && flags.point === undefined)
    throw new SpecfleetError('usage', '--first needs a --point behind it')
  return {
    seed: flags.seed ?? Math.floor(random() * MOST_SEED),
    runs: flags.full ? 'full' : flags.runs,
    at: momentOf(flags),
    victims: flags.victim.length === 0 ? undefined : [...new Set(flags.victim)],
    first: flags.first === undefined ? undefined : parseStrike(flags.first),
    double: flags.double,
    everyEpoch: flags.everyEpoch,
    jobs: flags.jobs ?? availableParallelism(),
    keepGoing: flags.keepGoing,
    list: flags.list,
    json: flags.json,
    markdown: flags.markdown,
    journal: flags.journal,
    envFile: flags.env,
    freezeMs: flags.freeze === undefined ? undefined : flags.freeze * 1_000,
  }
}

function momentOf({ point, after }: z.output<typeof Flags>): Options['at'] {
  if (point !== undefined) return { kind: 'point', point: parsePoint(point) }
  return after === undefined ? undefined : { kind: 'time', afterMs: after }
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

function chaosCommand(): Command {
  return new Command('npm run chaos --')
    .description('kills every part of a fleet at every point, and compares what comes of it with an undisturbed run')
    .option('--runs <n>', `trials to draw (default ${DEFAULT_RUNS})`)
    .option('--full', 'every point, on either side, with every victim that can be there')
    .option('--seed <n>', 'decides the work, the drawn trials and all else that is left to chance')
    .option('--point <point>', `only there: 'worker/turn#2 after'; '${ANY}#40 before' is the 40th of all messages`)
    .option('--first <blow>', `a blow before, and --point is counted from it: 'worker at worker/turn#2 after'`)
    .option('--double', 'only trials of two blows, the second at what is said because of the first')
    .option('--after <ms>', 'only then: so long behind the first task')
    .addOption(
      new Option('--victim <victim>', 'only this one; may be given again').choices(VICTIMS).argParser(collectVictims),
    )
    .option('--every-epoch', 'strike again in every epoch, until the run is parked')
    .option('--jobs <n>', 'trials at a time (default: cores)')
    .option('--keep-going', 'go on behind a violated promise')
    .option('--freeze <seconds>', 'how long a server stays frozen (default 30)')
    .option('--env <file>', "a deployment's configuration: variables of its orchestrators (default: the environment)")
    .option('--list', 'the points that an undisturbed run comes to, and the victims')
    .option('--json', 'print JSON')
    .option('--markdown <file>', 'write the tables into this file as well')
    .option('--journal <file>', 'keep each outcome there as it comes, and try what held before no second time')
    .exitOverride()
    .showHelpAfterError()
    .addHelpText(
      'after',
      `
Everything happens on a NATS server of its own on 127.0.0.1 and in sandboxes of its own; of a deployment's
configuration only limits, heartbeat, back-off, attempts, slots and provider are taken (docs/reliability.md).

Exit codes: 0 every promise held, 1 one was violated, 2 usage, 78 configuration, 130 interrupted`,
    )
}

/** @throws SpecfleetError `usage` */
function collectVictims(value: string, before: readonly VictimName[] = []): VictimName[] {
  const victim = VICTIMS.find((each) => each === value)
  if (victim === undefined)
    throw new SpecfleetError('usage', `there is no victim "${value}"; there are: ${VICTIMS.join(', ')}`)
  return [...before, victim]
}
