import { readFile } from 'node:fs/promises'
import { SandboxId } from '@specfleet/shared'
import { whenReleased } from '../../../../orchestrator/src/providers/engine-folder/alive.ts'
import { engineLayout } from '../../../../orchestrator/src/providers/engine-folder/layout.ts'
import { allProcesses, type Process } from '../../../../orchestrator/src/providers/engine-folder/processes.ts'
import { findShim } from '../../../../orchestrator/src/providers/process/find-sandbox.ts'
import { type SandboxLayout, sandboxLayout } from '../../../../orchestrator/src/providers/process/layout.ts'
import { processEngine } from '../../../../testkit/src/fleet-engine.ts'
import type { Provider } from '../victim.ts'
import { type Host, lastLineIn } from './host.ts'

/** Sandboxes as processes of this host: nothing stands behind them that could be killed. */
export function openProcessHost(provider: Exclude<Provider, 'docker'>, home: string): Host {
  const engine = processEngine(home)
  const layoutOf = (id: string) => sandboxLayout(engineLayout(engine.root).sandboxes, SandboxId.parse(id))
  return {
    ...engine,
    provider,
    env: { SPECFLEET_PROVIDER: provider },
    engine: undefined,
    processesOf: async (id) => (await withDescendants(layoutOf(id))).map(({ pid }) => pid),
    async lastLineOf(id) {
      const { alive, log } = layoutOf(id)
      await new Promise<void>((resolve) => whenReleased(alive, resolve))
      return lastLineIn(await readFile(log, 'utf8'))
    },
    remains: async () => [],
  }
}

/** The shim of a sandbox and all that came of it, the shim first. */
async function withDescendants(layout: SandboxLayout): Promise<readonly Process[]> {
  const shim = await findShim(layout)
  if (shim === undefined) return []
  const all = await allProcesses()
  const found: Process[] = [shim]
  for (const parent of found) found.push(...all.filter((each) => each.parent === parent.pid))
  return found
}
