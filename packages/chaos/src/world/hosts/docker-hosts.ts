import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { SpecfleetError } from '@specfleet/shared'
import { LABEL } from '../../../../orchestrator/src/providers/docker/container.ts'
import { textOf } from '../../../../orchestrator/src/providers/docker/output.ts'
import { allProcesses, descend } from '../../../../orchestrator/src/providers/engine-folder/processes.ts'
import { findDocker, startStockedDocker, type TestDocker } from '../../../../testkit/src/docker.ts'
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
  return {
    provider: 'docker',
    env: { SPECFLEET_PROVIDER: 'docker', DOCKER_HOST: docker.host, SPECFLEET_IMAGE: image },
    root: join(home, 'docker'),
    engine: docker,
    async findWorker(id) {
      const init = await findInit(docker, id)
      return init === undefined ? undefined : descend(await allProcesses(), init, LEVELS_BELOW_INIT)?.pid
    },
    // The kernel takes all others of a container along with its first.
    processesOf: async (id) => [await findInit(docker, id)].filter((pid) => pid !== undefined),
    async lastLineOf(id) {
      const container = await findContainer(docker, id)
      if (container === undefined) throw new Error(`there is no container of sandbox ${id}`)
      await container.wait()
      return lastLineIn(textOf(await container.logs({ stdout: true, stderr: true, follow: false })))
    },
    remains: () => containersLeft(docker),
    [Symbol.asyncDispose]: () => docker.stop(),
  }
}

async function findContainer({ client }: TestDocker, sandboxId: string) {
  const filters = { label: [`${LABEL.sandbox}=${sandboxId}`] }
  const [found] = await client.listContainers({ all: true, filters })
  return found === undefined ? undefined : client.getContainer(found.Id)
}

/** Process id, on this host, of the first process of a container; `undefined` also while the engine is away. */
async function findInit(docker: TestDocker, sandboxId: string): Promise<number | undefined> {
  try {
    const container = await findContainer(docker, sandboxId)
    const { State } = (await container?.inspect()) ?? {}
    return State?.Running === true && State.Pid > 0 ? State.Pid : undefined
  } catch (error) {
    if (isAway(error)) return undefined
    throw error
  }
}

/** It does not listen, or the container was removed meanwhile. */
const isAway = (error: unknown): boolean =>
  error instanceof Error &&
  (('code' in error && (error.code === 'ECONNREFUSED' || error.code === 'ENOENT' || error.code === 'ECONNRESET')) ||
    ('statusCode' in error && error.statusCode === 404))

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
