import { join } from 'node:path'
import { SandboxId } from '@specfleet/shared'
import { engineLayout } from '../../orchestrator/src/providers/engine-folder/layout.ts'
import { allProcesses, descend } from '../../orchestrator/src/providers/engine-folder/processes.ts'
import { findJob, findShim } from '../../orchestrator/src/providers/process/find-sandbox.ts'
import { sandboxLayout } from '../../orchestrator/src/providers/process/layout.ts'

/** What the sandboxes of a fleet run on. Given back behind all members. */
export type FleetEngine = AsyncDisposable & {
  /** Variables by which members come to it; they stand before all others. */
  readonly env: Readonly<Record<string, string>>
  /** Where members keep on this host what belongs to their sandboxes. */
  readonly root: string
  /** Process id, on this host, of the worker in that sandbox, if one runs there. */
  findWorker(sandboxId: string): Promise<number | undefined>
}

/** Below the shim: `timeout`, bwrap, its monitor inside, the worker. */
const LEVELS_BELOW_JOB = 3

/**
 * Processes of this host, as members that are told nothing else make them.
 * @param home `SPECFLEET_HOME` of the members
 */
export function processEngine(home: string): FleetEngine {
  const root = join(home, 'process')
  return {
    env: {},
    root,
    async findWorker(sandboxId) {
      const layout = sandboxLayout(engineLayout(root).sandboxes, SandboxId.parse(sandboxId))
      const shim = await findShim(layout)
      const job = shim === undefined ? undefined : await findJob(layout, shim)
      const worker = job === undefined ? undefined : descend(await allProcesses(), job.pid, LEVELS_BELOW_JOB)
      return worker?.pid
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
