import { join } from 'node:path'
import { type ErrorCode, SpecfleetError } from '@specfleet/shared'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { EngineChoice } from './docker/engine-address.ts'
import type { PoolSize, SpareTurn } from './pool-size.ts'
import type { Limits, SandboxProvider } from './provider.ts'

/** `auto` takes the best engine that isolates: containers where an engine has the image, else processes. It never takes one that does not. */
export const ENGINE_NAMES = ['docker', 'process', 'process-unsafe'] as const
export const PROVIDER_CHOICES = ['auto', ...ENGINE_NAMES] as const
export type ProviderChoice = (typeof PROVIDER_CHOICES)[number]

export type DockerChoice = EngineChoice & {
  /** Instead of the image that was built for this worker. */
  readonly image?: string
  /** Another runtime than the engine's own. */
  readonly runtime?: string
}

export type RegistryOptions = {
  /** Where engines of this host keep what must survive the orchestrator. */
  readonly home: string
  readonly fleet: string
  /** `host:port` of each server of the bus, as this host reaches it, best first. */
  readonly busAddresses: readonly string[]
  readonly workerBundle: string
  readonly bwrapPath?: string
  readonly docker: DockerChoice
  /** Workers that wait for the next runs, where an engine can do that; none when it is not given. */
  readonly warm?: PoolSize & { readonly limits: Limits; readonly turn: SpareTurn }
  readonly clock: Clock
  readonly log: Log
}

/**
 * Opens the engine of that name; its code is loaded only then.
 * @throws SpecfleetError `provider.unknown`; `provider.unavailable` with the reason; `worker.bundle`; `provider.failed`
 */
export async function openProvider(
  choice: string,
  options: RegistryOptions,
): Promise<SandboxProvider & AsyncDisposable> {
  switch (choice) {
    case 'auto':
      return openBest(options)
    case 'docker':
      return openDocker(options)
    case 'process':
      return openProcesses(options, false)
    case 'process-unsafe':
      return openProcesses(options, true)
    default:
      throw new SpecfleetError('provider.unknown', choice, { next: `use ${PROVIDER_CHOICES.join(', ')}` })
  }
}

/**
 * Opens each engine of a list once, in that order: what `auto` comes to may stand in it by name as well. Disposal
 * is the caller's; where one cannot be opened, those that were are given back.
 * @throws SpecfleetError as `openProvider` does
 */
export async function openProviders(
  choices: readonly string[],
  options: RegistryOptions,
): Promise<readonly (SandboxProvider & AsyncDisposable)[]> {
  await using opened = new AsyncDisposableStack()
  const providers = new Map<string, SandboxProvider & AsyncDisposable>()
  for (const choice of choices) {
    if (providers.has(choice) || (choice === 'auto' && providers.has('docker'))) continue
    const provider = await openProvider(choice, options)
    if (providers.has(provider.name)) await provider[Symbol.asyncDispose]()
    else providers.set(provider.name, opened.use(provider))
  }
  opened.move()
  return [...providers.values()]
}

/** What says that there are no containers to be had here, rather than that they failed. */
const NO_CONTAINERS: readonly ErrorCode[] = ['provider.unavailable', 'provider.image']

async function openBest(options: RegistryOptions): Promise<SandboxProvider & AsyncDisposable> {
  try {
    return await openDocker(options)
  } catch (error) {
    if (!(error instanceof SpecfleetError) || !NO_CONTAINERS.includes(error.code)) throw error
    options.log.info('provider.passed-over', { provider: 'docker', reason: error.message, next: error.next })
    return openProcesses(options, false)
  }
}

async function openDocker({ home, docker, ...options }: RegistryOptions): Promise<SandboxProvider & AsyncDisposable> {
  const { openDockerProvider } = await import('./docker/open.ts')
  return openDockerProvider({ ...options, ...docker, root: join(home, 'docker') })
}

async function openProcesses(options: RegistryOptions, unsafe: boolean): Promise<SandboxProvider & AsyncDisposable> {
  const { openProcessProvider } = await import('./process/process-provider.ts')
  const { home, docker: _, warm: __, ...rest } = options
  // Two engines, since what one of them runs the other must not take over.
  return openProcessProvider({ ...rest, root: join(home, unsafe ? 'process-unsafe' : 'process'), unsafe })
}
