import { closeSync, readFileSync, unlinkSync } from 'node:fs'
import {
  decodePhaseContext,
  describeIssues,
  type PhaseContext,
  parseSandboxEnv,
  SandboxEnv,
  SpecfleetError,
} from '@specfleet/shared/boot'
import * as z from 'zod'
import { choosePath, type PathName } from './paths/choose.ts'

/** What is needed to speak at all. */
const Wire = SandboxEnv.pick({
  SPEC_ID: true,
  RUN_ID: true,
  RUN_EPOCH: true,
  BUS_URL: true,
  BUS_CREDS_B64: true,
  LOG_LEVEL: true,
})
export type Wire = z.output<typeof Wire>

/** What the process is to do, as its environment says. */
export type Assignment = {
  readonly env: SandboxEnv
  readonly path: PathName
  /** Outputs of earlier phases that came with the environment. */
  readonly context: PhaseContext | undefined
}

export type Birth = {
  readonly wire: Wire
  /** The assignment, or why there is none: that can still be said over the bus. */
  readonly assignment: Assignment | SpecfleetError
  /** How long the process lives without the bus. */
  readonly cutLimitMs: number
  /** The whole environment of tools. */
  readonly toolEnv: Readonly<Record<string, string>>
  /** When it was told what it is, in milliseconds of the process: 0 for one that was started for this. */
  readonly atMs: number
}

export type Environment = Record<string, string | undefined>

const Settings = z.object({
  /** Seconds. */
  BUS_CUT_LIMIT: z.coerce.number().positive().max(86_400).default(60),
})
const EnvFile = z.record(z.string(), z.string())

/**
 * Reads the environment, once and before anything else runs, and takes the credentials out of it.
 *
 * What a process was started with stays readable in `/proc/<pid>/environ`, whatever it does. So a
 * launcher that shares its sandbox with tools writes the variables into a file of mode 0600, as one
 * JSON object, and gives only its path in `SPECFLEET_ENV_FILE`: the file then stands for the
 * environment, and is removed. `/proc/self/fd/<n>` stands for a descriptor that was inherited: it is
 * read as it is, for the file behind it may be another user's, and closed.
 *
 * @param arrived what came by that descriptor, when somebody has read it already
 * @param env what the process was started with; it then reads as if all of it had been there from the start
 * @throws SpecfleetError `sandbox-env.invalid` when not even the way to the bus is known; `sandbox-env.never-came`
 * when whoever should have written it closed the descriptor instead
 */
export function readBirth(arrived?: string, env: Environment = process.env): Birth {
  const atMs = arrived === undefined ? 0 : performance.now()
  const environment = takeEnvironment(env, arrived)
  const wire = Wire.safeParse(environment)
  if (!wire.success) throw new SpecfleetError('sandbox-env.invalid', describeIssues(wire.error))
  const settings = Settings.safeParse(environment)
  return {
    wire: wire.data,
    assignment: settings.success ? readAssignment(environment) : invalid(describeIssues(settings.error)),
    cutLimitMs: (settings.data?.BUS_CUT_LIMIT ?? 60) * 1000,
    toolEnv: {
      PATH: environment.PATH ?? '/usr/local/bin:/usr/bin:/bin',
      HOME: environment.HOME ?? '/tmp',
      LANG: environment.LANG ?? 'C.UTF-8',
    },
    atMs,
  }
}

/** The variables as they were, while those of the process lose what no tool may see. */
function takeEnvironment(env: Environment, arrived: string | undefined): Environment {
  const file = env.SPECFLEET_ENV_FILE
  const given = file === undefined || file === '' ? {} : readEnvFile(file, arrived)
  const environment = { ...env, ...given }
  Object.assign(env, given)
  delete env.SPECFLEET_ENV_FILE
  delete env.BUS_CREDS_B64
  return environment
}

function readEnvFile(path: string, arrived: string | undefined): Environment {
  try {
    const text = arrived ?? takeText(path)
    if (text === '' && INHERITED.test(path)) throw new SpecfleetError('sandbox-env.never-came')
    return EnvFile.parse(JSON.parse(text))
  } catch (cause) {
    if (cause instanceof SpecfleetError) throw cause
    const why =
      cause instanceof z.ZodError ? describeIssues(cause) : cause instanceof Error ? cause.message : String(cause)
    throw new SpecfleetError('sandbox-env.invalid', `SPECFLEET_ENV_FILE ${path}: ${why}`, { cause })
  }
}

const INHERITED = /^\/proc\/self\/fd\/(\d+)$/

function takeText(path: string): string {
  const descriptor = INHERITED.exec(path)?.[1]
  const text = readFileSync(descriptor === undefined ? path : Number(descriptor), 'utf8')
  if (descriptor === undefined) unlinkSync(path)
  else closeSync(Number(descriptor))
  return text
}

function readAssignment(environment: Environment): Assignment | SpecfleetError {
  try {
    const env = parseSandboxEnv(environment)
    const context = env.PHASE_CONTEXT_B64
    return { env, path: choosePath(env), context: context === undefined ? undefined : decodePhaseContext(context) }
  } catch (thrown) {
    if (thrown instanceof SpecfleetError) return thrown
    throw thrown
  }
}

const invalid = (detail: string) => new SpecfleetError('sandbox-env.invalid', detail)
