import { join } from 'node:path'
import { SpecfleetError } from '@specfleet/shared'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { SandboxProvider } from './provider.ts'

/** `auto` takes the best engine that isolates; it never takes one that does not. */
const PROVIDER_CHOICES = ['auto', 'process', 'process-unsafe'] as const

export type RegistryOptions = {
  /** Where engines of this host keep what must survive the orchestrator. */
  readonly home: string
  readonly fleet: string
  /** `host:port` of each server of the bus, as this host reaches it, best first. */
  readonly busAddresses: readonly string[]
  readonly workerBundle: string
  readonly bwrapPath?: string
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
    case 'process':
      return openProcesses(options, false)
    case 'process-unsafe':
      return openProcesses(options, true)
    default:
      throw new SpecfleetError('provider.unknown', choice, { next: `use ${PROVIDER_CHOICES.join(', ')}` })
  }
}

async function openProcesses(options: RegistryOptions, unsafe: boolean): Promise<SandboxProvider & AsyncDisposable> {
  const { openProcessProvider } = await import('./process/process-provider.ts')
  const { home, ...rest } = options
  // Two engines, since what one of them runs the other must not take over.
  return openProcessProvider({ ...rest, root: join(home, unsafe ? 'process-unsafe' : 'process'), unsafe })
}
