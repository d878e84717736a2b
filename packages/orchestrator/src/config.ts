import { readFileSync } from 'node:fs'
import { availableParallelism, homedir } from 'node:os'
import { join } from 'node:path'
import { describeIssues, SpecfleetError } from '@specfleet/shared'
import { accountOf } from './creds.ts'
import type { BreakerPolicy } from './engines/breaker.ts'
import { NO_POLICY, type Policy, parsePolicy } from './engines/policy.ts'
import type { LogLevel } from './log.ts'
import type { EngineChoice } from './providers/docker/engine-address.ts'
import type { PoolSize } from './providers/pool-size.ts'
import type { Limits } from './providers/provider.ts'
import type { DockerChoice, ProviderChoice } from './providers/registry.ts'
import type { BackoffPolicy } from './supervisor/backoff.ts'
import { ImageVariables, Variables } from './variables.ts'

const MIB = 1024 * 1024

export type UpstreamChoice =
  | { readonly kind: 'offline'; readonly why: 'chosen' | 'no-key' }
  | { readonly kind: 'anthropic'; readonly baseUrl: string; readonly key: string | undefined }

export type Config = {
  readonly nats: {
    readonly url: string
    /** Text of a credentials file. */
    readonly creds: string | undefined
    readonly systemCreds: string
    readonly operatorSigningSeed: string
    readonly appAccountId: string
    readonly replicas: 1 | 3 | 5
  }
  /** Where what must survive this process on this machine is kept. */
  readonly home: string
  /** Marks everything this fleet makes on an engine; fleets of two buses must differ in it. */
  readonly fleet: string
  /** Runs this orchestrator takes on at a time. */
  readonly slots: number
  readonly cores: number
  /** In overflow order: what the first has no place for goes to the next. */
  readonly providers: readonly ProviderChoice[]
  /** Sandboxes at a time of a provider, by its name; of others as many as there are slots. */
  readonly providerSlots: ReadonlyMap<string, number>
  /** What tasks may have, by kind, by project and at their own wish. */
  readonly policy: Policy
  /** How long an engine rests that fails. */
  readonly breaker: BreakerPolicy
  readonly docker: DockerChoice
  /** Workers that wait, booted, for the next runs, where the engine can do that. */
  readonly warm: PoolSize
  /** A bubblewrap that is not among the system's programs. */
  readonly bwrapPath: string | undefined
  readonly upstream: UpstreamChoice
  /** For tasks that name none. */
  readonly model: string
  readonly limits: Limits
  readonly heartbeatLimitMs: number
  /** From the sandbox's start to its first heartbeat. */
  readonly bootLimitMs: number
  /** From an owner's death until somebody who does not reach its engine may take its runs. */
  readonly adoptionGraceMs: number
  /** From being asked to stop to being stopped. */
  readonly stopGraceMs: number
  readonly pauseGraceMs: number
  readonly drainLimitMs: number
  /** Between two looks for sandbox accounts that no record speaks of; one is taken back when both found it. */
  readonly accountSweepMs: number
  readonly backoff: BackoffPolicy
  readonly floodFactsPerSecond: number
  /** Most runs of a priority that wait for a slot; further tasks stay in the queue. */
  readonly backlogLimit: number
  readonly sourceMaxBytes: number
  readonly blobMaxBytes: number
  /** Of all blobs that sandboxes of one run leave behind. */
  readonly runBlobsMaxBytes: number
  /** What git and the worker's build are started with: enough to reach a source as the operator does. */
  readonly toolEnv: Readonly<Record<string, string>>
  readonly workerBundle: string | undefined
  readonly logLevel: LogLevel
}

/** What is needed to build or to check the image of sandboxes. */
export type ImageConfig = Pick<Config, 'home' | 'toolEnv' | 'workerBundle'> & {
  readonly engine: EngineChoice
  readonly image: string | undefined
  readonly base: string | undefined
}

/**
 * The only reader of the environment in the process that builds images.
 * @throws SpecfleetError `config.invalid`, naming every bad variable
 */
export function readImageConfig(env: Readonly<Record<string, string | undefined>> = process.env): ImageConfig {
  const given = withoutEmpty(env)
  const parsed = ImageVariables.safeParse(given)
  if (!parsed.success) throw new SpecfleetError('config.invalid', describeIssues(parsed.error))
  const variables = parsed.data
  return {
    home: variables.SPECFLEET_HOME ?? join(homedir(), '.specfleet'),
    engine: engineChoice(variables),
    image: variables.SPECFLEET_IMAGE,
    base: variables.BASE_IMAGE,
    workerBundle: variables.WORKER_BUNDLE,
    toolEnv: toolEnv(given),
  }
}

/** Certificates are where Docker's own command line looks for them, and used when it would use them. */
const engineChoice = (variables: ImageVariables): EngineChoice => ({
  host: variables.DOCKER_HOST,
  ...(variables.DOCKER_TLS_VERIFY === undefined
    ? {}
    : { certificates: variables.DOCKER_CERT_PATH ?? join(homedir(), '.docker') }),
})

/** An empty variable is how shells and compose files say "not set". */
const withoutEmpty = (env: Readonly<Record<string, string | undefined>>) =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))

/**
 * The only reader of the environment.
 * @throws SpecfleetError `config.invalid`, naming every bad variable; `bus.no-signing-key`; `model.key-missing`.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const given = withoutEmpty(env)
  const parsed = Variables.safeParse(given)
  if (!parsed.success) throw new SpecfleetError('config.invalid', describeIssues(parsed.error))
  const variables = parsed.data
  const nats = readNats(variables)
  return {
    nats,
    home: variables.SPECFLEET_HOME ?? join(homedir(), '.specfleet'),
    fleet: variables.SPECFLEET_FLEET ?? nats.appAccountId.slice(0, 16),
    slots: variables.SPECFLEET_SLOTS ?? availableParallelism() * 2,
    cores: availableParallelism(),
    providers: variables.SPECFLEET_PROVIDER,
    providerSlots: variables.SPECFLEET_PROVIDER_SLOTS,
    policy: variables.SPECFLEET_POLICY === undefined ? NO_POLICY : readPolicy(variables.SPECFLEET_POLICY),
    breaker: {
      firstMs: variables.BREAKER_FIRST_MS,
      longestMs: variables.BREAKER_LONGEST_MS,
      quotaMs: variables.BREAKER_QUOTA_MS,
    },
    bwrapPath: variables.BWRAP_PATH,
    docker: {
      ...engineChoice(variables),
      ...(variables.SPECFLEET_IMAGE === undefined ? {} : { image: variables.SPECFLEET_IMAGE }),
      ...(variables.SPECFLEET_RUNTIME === undefined ? {} : { runtime: variables.SPECFLEET_RUNTIME }),
    },
    warm: { floor: variables.WARM_FLOOR, ceiling: variables.WARM_CEILING },
    upstream: chooseUpstream(variables),
    model: variables.MODEL,
    limits: {
      memoryMb: variables.SANDBOX_MEMORY_MB,
      diskMb: variables.SANDBOX_DISK_MB,
      cpus: variables.SANDBOX_CPUS,
      pids: variables.SANDBOX_PIDS,
      wallClockMinutes: variables.SANDBOX_MINUTES,
      outputMb: variables.SANDBOX_OUTPUT_MB,
    },
    heartbeatLimitMs: variables.HEARTBEAT_LIMIT_MS,
    bootLimitMs: variables.BOOT_LIMIT_MS,
    adoptionGraceMs: variables.ADOPTION_GRACE_MS,
    stopGraceMs: variables.STOP_GRACE_MS,
    pauseGraceMs: variables.PAUSE_GRACE_MS,
    drainLimitMs: variables.DRAIN_LIMIT_MS,
    backoff: {
      firstMs: variables.BACKOFF_FIRST_MS,
      longestMs: variables.BACKOFF_LONGEST_MS,
      provenMs: variables.BACKOFF_PROVEN_MS,
      attemptLimit: variables.ATTEMPT_LIMIT,
    },
    accountSweepMs: variables.ACCOUNT_SWEEP_MS,
    floodFactsPerSecond: variables.FLOOD_FACTS_PER_SECOND,
    backlogLimit: variables.BACKLOG_LIMIT,
    sourceMaxBytes: Math.round(variables.SOURCE_MAX_MB * MIB),
    blobMaxBytes: Math.round(variables.BLOB_MAX_MB * MIB),
    runBlobsMaxBytes: Math.round(variables.RUN_BLOBS_MAX_MB * MIB),
    toolEnv: toolEnv(given),
    workerBundle: variables.WORKER_BUNDLE,
    logLevel: variables.LOG_LEVEL,
  }
}

function readNats(variables: Variables): Config['nats'] {
  const { NATS_OPERATOR_SEED_FILE: seedFile, NATS_SYSTEM_CREDS: systemFile } = variables
  if (seedFile === undefined) throw new SpecfleetError('bus.no-signing-key')
  if (systemFile === undefined) throw missing('NATS_SYSTEM_CREDS', 'sandbox accounts are told to the server with it')
  const creds = variables.NATS_CREDS === undefined ? undefined : readNamed('NATS_CREDS', variables.NATS_CREDS)
  const appAccountId = variables.NATS_APP_ACCOUNT ?? (creds === undefined ? undefined : accountOf(creds))
  if (appAccountId === undefined) throw missing('NATS_CREDS', 'it names the account that sandboxes import from')
  return {
    url: variables.NATS_URL,
    creds,
    systemCreds: readNamed('NATS_SYSTEM_CREDS', systemFile),
    operatorSigningSeed: readNamed('NATS_OPERATOR_SEED_FILE', seedFile).trim(),
    appAccountId,
    replicas: variables.NATS_REPLICAS === '5' ? 5 : variables.NATS_REPLICAS === '3' ? 3 : 1,
  }
}

/** Offline is chosen by name, or when nothing else is configured; it never stands in for a failed call. */
function chooseUpstream(variables: Variables): UpstreamChoice {
  const { MODEL_UPSTREAM: wanted, ANTHROPIC_BASE_URL: base, ANTHROPIC_API_KEY_FILE: file } = variables
  if (wanted === 'offline') return { kind: 'offline', why: 'chosen' }
  const key = file === undefined ? variables.ANTHROPIC_API_KEY : readNamed('ANTHROPIC_API_KEY_FILE', file).trim()
  // An endpoint of one's own may need no key; the public one always does.
  if (key === undefined && base === undefined) {
    if (wanted === 'anthropic') throw new SpecfleetError('model.key-missing')
    return { kind: 'offline', why: 'no-key' }
  }
  return { kind: 'anthropic', baseUrl: (base ?? 'https://api.anthropic.com').replace(/\/+$/, ''), key }
}

const TOOL_VARIABLES =
  /^(PATH|HOME|USER|LOGNAME|TMPDIR|XDG_\w+|SSH_AUTH_SOCK|GIT_SSH|GIT_SSH_COMMAND|GIT_CONFIG_\w+|SSL_CERT_\w+|(https?|all|no)_proxy)$/i

function toolEnv(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => TOOL_VARIABLES.test(entry[0]) && entry[1] !== undefined,
    ),
  )
}

function missing(name: string, why: string): SpecfleetError {
  return new SpecfleetError('config.invalid', `${name} is missing: ${why}`)
}

function readPolicy(path: string): Policy {
  const text = readNamed('SPECFLEET_POLICY', path)
  try {
    return parsePolicy(text)
  } catch (cause) {
    if (!(cause instanceof SpecfleetError)) throw cause
    throw new SpecfleetError('config.invalid', `SPECFLEET_POLICY: ${path}: ${cause.message}`, { cause })
  }
}

function readNamed(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new SpecfleetError('config.invalid', `${name}: ${path} cannot be read`, { cause })
  }
}
