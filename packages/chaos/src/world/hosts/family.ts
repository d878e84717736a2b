import { SpecfleetError } from '@specfleet/shared'
import { PROVIDERS, type Provider, VICTIMS, type VictimName } from '../victim.ts'
import { openDockerHost } from './docker-hosts.ts'
import type { Host } from './host.ts'
import { openProcessHost } from './process-host.ts'

/** What all worlds of a configuration stand on. */
export type HostFamily = {
  readonly provider: Provider
  /** Who can be struck there. */
  readonly victims: readonly VictimName[]
  /** A host for one world. @param home `SPECFLEET_HOME` of its orchestrators */
  open(home: string): Promise<Host>
}

/**
 * Chosen by `SPECFLEET_PROVIDER`. What is left to the orchestrators, they would decide by what they find: on the host
 * of a deployment that may be its own engine, so here it means processes.
 * @throws SpecfleetError `config.invalid` for one on which no world can be brought up
 */
export function familyOf({ SPECFLEET_PROVIDER: chosen = 'auto' }: Readonly<Record<string, string>>): HostFamily {
  const provider = chosen === 'auto' ? 'process' : PROVIDERS.find((each) => each === chosen)
  if (provider === undefined)
    throw new SpecfleetError('config.invalid', `SPECFLEET_PROVIDER: trials run on ${PROVIDERS.join(', ')}`)
  return provider === 'docker'
    ? { provider, victims: VICTIMS, open: openDockerHost }
    : { provider, victims: WITHOUT_ENGINE, open: async (home) => openProcessHost(provider, home) }
}

const WITHOUT_ENGINE = VICTIMS.filter((victim) => victim !== 'engine')

/**
 * Those that were named; all that there are when none was.
 * @throws SpecfleetError `usage` for one that is not there
 */
export function victimsOf({ provider, victims }: HostFamily, named: readonly VictimName[] | undefined) {
  const missing = named?.find((victim) => !victims.includes(victim))
  if (missing !== undefined)
    throw new SpecfleetError('usage', `there is no ${missing} where sandboxes are made by ${provider}`)
  return named ?? victims
}
