import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { SandboxId, SpecfleetError } from '@specfleet/shared'
import { sandboxFolder } from '../../../../orchestrator/src/providers/docker/layout.ts'
import { textOf } from '../../../../orchestrator/src/providers/docker/output.ts'
import { engineLayout } from '../../../../orchestrator/src/providers/engine-folder/layout.ts'
import { allProcesses, descend } from '../../../../orchestrator/src/providers/engine-folder/processes.ts'
import { findDocker, startStockedDocker, type TestDocker } from '../../../../testkit/src/docker.ts'
import { processesOf } from '../../../../testkit/src/leaks.ts'
import { type Host, lastLineIn } from './host.ts'

/** Below the first process of a container, which is the engine's: the worker. */
const LEVELS_BELOW_INIT = 1

/**
 * Sandboxes as containers of an engine that is started for this one world, with folders, sockets and control groups of
 * its own. Its containers outlive it: one that ended them as it starts would ask their workers to stop, and a model
 * that is told so goes another way than in the undisturbed run.
 * @param home `SPECFLEET_HOME` of the members
 * @throws SpecfleetError `provider.unavailable` with the reason when no engine can be started here
 */
export async function openDockerHost(home: string): Promise<Host> {
  const search = await findDocker()
  if (search.kind === 'none') throw new SpecfleetError('provider.unavailable', search.reason)
  const { docker, image } = await startStockedDocker({ liveRestore: true })
  const root = join(home, 'docker')
  const processesIn = (id: string) => processesWith(root, SandboxId.parse(id))
  return {
    provider: 'docker',
    env: { SPECFLEET_PROVIDER: 'docker', DOCKER_HOST: docker.host, SPECFLEET_IMAGE: image },
    root,
    engine: docker,
    async findWorker(id) {
      const [inside, all] = [processesIn(id), await allProcesses()]
      const init = all.find(({ pid, parent }) => inside.includes(pid) && !inside.includes(parent))
      return init === undefined ? undefined : descend(all, init.pid, LEVELS_BELOW_INIT)?.pid
    },
    processesOf: async (id) => processesIn(id),
    async lastLineOf(id) {
      const container = await findContainer(docker, id)
      await container.wait()
      return lastLineIn(textOf(await container.logs({ stdout: true, stderr: true, follow: false })))
    },
    remains: () => containersLeft(docker),
    [Symbol.asyncDispose]: () => docker.stop(),
  }
}

/**
 * Those that have the wire of a sandbox mounted: nobody outside of its container has, and no engine needs to answer.
 * The kernel names what is mounted by its place in its own file system, which may be that of temporary folders alone.
 */
function processesWith(root: string, id: SandboxId): number[] {
  const { wire } = sandboxFolder(engineLayout(root).sandboxes, id)
  return processesOf(relative(tmpdir(), wire)).map(({ pid }) => pid)
}

/** @throws Error when there is none */
async function findContainer({ client }: TestDocker, sandboxId: string) {
  const listed = await client.listContainers({ all: true, filters: { name: [sandboxId] } })
  const found = listed.find(({ Names }) => Names.some((name) => name.endsWith(`-${sandboxId}`)))
  if (found === undefined) throw new Error(`there is no container of sandbox ${sandboxId}`)
  return client.getContainer(found.Id)
}

/** Removal may still be under way when whoever asked for it has ended. */
const REMOVAL_LIMIT_MS = 10_000
const LOOK_AGAIN_MS = 100

/** Whatever container there is: nobody else is on this engine. */
async function containersLeft({ client }: TestDocker): Promise<string[]> {
  const until = performance.now() + REMOVAL_LIMIT_MS
  for (;;) {
    const left = await client.listContainers({ all: true })
    if (left.length === 0 || performance.now() > until)
      return left.map(({ Names, State, Status }) => `container ${Names.join(' ')} (${State}, ${Status})`)
    await pause(LOOK_AGAIN_MS)
  }
}
