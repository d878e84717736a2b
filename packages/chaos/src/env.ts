import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { SpecfleetError } from '@specfleet/shared'
import { LIMIT_MS } from './course/limits.ts'

/** What of a deployment's configuration is tried: what decides how its fleet behaves when something breaks. */
export const TAKEN = [
  'SPECFLEET_PROVIDER',
  'SPECFLEET_PROVIDER_SLOTS',
  'SPECFLEET_SLOTS',
  'BWRAP_PATH',
  'SANDBOX_MEMORY_MB',
  'SANDBOX_CPUS',
  'SANDBOX_PIDS',
  'SANDBOX_MINUTES',
  'WARM_FLOOR',
  'WARM_CEILING',
  'HEARTBEAT_LIMIT_MS',
  'BOOT_LIMIT_MS',
  'ADOPTION_GRACE_MS',
  'STOP_GRACE_MS',
  'PAUSE_GRACE_MS',
  'DRAIN_LIMIT_MS',
  'BACKOFF_FIRST_MS',
  'BACKOFF_LONGEST_MS',
  'BACKOFF_PROVEN_MS',
  'BREAKER_FIRST_MS',
  'BREAKER_LONGEST_MS',
  'BREAKER_QUOTA_MS',
  'ATTEMPT_LIMIT',
  'FLOOD_FACTS_PER_SECOND',
  'SOURCE_MAX_MB',
  'BLOB_MAX_MB',
] as const

export type DeploymentEnv = Readonly<Record<string, string>>

/**
 * The only reader of `process.env` in this process: a deployment's variables, out of a file when one is named.
 * Addresses, keys and folders are left out, so that nothing of the deployment itself can be touched.
 * @throws SpecfleetError `config.invalid` when the file cannot be read
 */
export function readDeployment(
  file: string | undefined,
  inherited: Readonly<Record<string, string | undefined>> = process.env,
): DeploymentEnv {
  const given = file === undefined ? inherited : readEnvFile(file)
  return Object.fromEntries(
    TAKEN.map((name) => [name, given[name]] as const).filter((entry): entry is [(typeof TAKEN)[number], string] => {
      const [, value] = entry
      return value !== undefined && value !== ''
    }),
  )
}

function readEnvFile(file: string): Readonly<Record<string, string | undefined>> {
  try {
    return parseEnv(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new SpecfleetError('config.invalid', `${file} cannot be read`, { cause })
  }
}

/** How long a trial may take: as long as with the limits of the harness, and longer by what a deployment's own add. */
export function trialLimitMs(env: DeploymentEnv): number {
  const extra = (name: (typeof TAKEN)[number]) => Math.max(0, Number(env[name] ?? 0) || 0)
  const attempts = extra('ATTEMPT_LIMIT') || 3
  const each = extra('HEARTBEAT_LIMIT_MS') + extra('BACKOFF_LONGEST_MS')
  const once = extra('STOP_GRACE_MS') + extra('ADOPTION_GRACE_MS') + extra('BOOT_LIMIT_MS')
  return LIMIT_MS + attempts * each + once
}
