import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { executablesOnPath } from '../../cli/src/embedded/executable.ts'
import { daemonPath } from './docker-search.ts'

const TRY_LIMIT_MS = 30_000

/**
 * What an engine starts `runsc` with: a sandbox has no network that it could make its own of, and its wire is a socket
 * of the host, which is opened only where that is said. `ptrace` runs wherever a kernel does.
 */
export const GVISOR_ARGUMENTS = ['--platform=ptrace', '--network=none', '--fsgofer-host-uds']

/** Why gVisor cannot be tried here; `undefined` when it can. */
export async function whyNoGvisor(): Promise<string | undefined> {
  const [runsc] = await executablesOnPath('runsc', daemonPath())
  if (runsc === undefined) return 'install runsc: there is no gVisor here'
  try {
    const run = promisify(execFile)
    await run(runsc, [...GVISOR_ARGUMENTS, 'do', 'true'], { timeout: TRY_LIMIT_MS, killSignal: 'SIGKILL' })
    return undefined
  } catch (error) {
    return `gVisor does not run on this kernel: ${error instanceof Error ? error.message : error}`
  }
}
