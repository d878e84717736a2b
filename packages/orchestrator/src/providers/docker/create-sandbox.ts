import { rm } from 'node:fs/promises'
import { renameIfFree } from '../engine-folder/making.ts'
import { INSIDE } from '../inside.ts'
import type { SandboxRequest } from '../provider.ts'
import { containerName } from './container.ts'
import { createOptions } from './create-options.ts'
import { destroySandbox } from './destroy-sandbox.ts'
import type { Engine } from './engine.ts'
import { type SandboxFolder, sandboxFolder } from './layout.ts'
import { prepareFolder } from './prepare-folder.ts'

/**
 * Makes a container and the folder beside it. The folder comes first, prepared under another name and renamed, and
 * says for as long as it is held that somebody is at work: what is left of a maker that died is known at once.
 * `taken`: somebody has a sandbox, or what is left of one, under this id.
 * @throws SpecfleetError, Error of the system, or the signal's reason; nothing is left then
 */
export async function createSandbox(
  engine: Engine,
  request: SandboxRequest,
  signal: AbortSignal,
): Promise<'made' | 'taken'> {
  const { folder: making, hold } = await prepareFolder(engine)
  try {
    signal.throwIfAborted()
    const sandbox = sandboxFolder(engine.layout.sandboxes, request.id)
    if (!(await renameIfFree(making.folder, sandbox.folder))) return 'taken'
    return await finish(engine, request, sandbox, signal)
  } finally {
    hold[Symbol.dispose]()
    await rm(making.folder, { recursive: true, force: true })
  }
}

/** What has its folder and fails all the same is removed again. */
async function finish(
  engine: Engine,
  request: SandboxRequest,
  { wire, folder }: SandboxFolder,
  signal: AbortSignal,
): Promise<'made' | 'taken'> {
  const name = containerName(engine.fleet, request.id)
  const options = createOptions({ ...engine, request, wire, nodeFlags: process.allowedNodeEnvironmentFlags })
  const making = engine.client.make(name, options)
  try {
    const [, made] = await Promise.all([engine.wire.open(request.id), making])
    if (made === 'taken') {
      // Its folder was lost, and with it its wire: whoever looks for it decides.
      await giveUp(engine, request.id, folder)
      return 'taken'
    }
    signal.throwIfAborted()
    await engine.client.start(name, environmentOf(request))
    return 'made'
  } catch (error) {
    const isOurs = (await making.catch(() => undefined)) === 'made'
    if (isOurs) await destroySandbox(engine, request.id)
    else {
      // One that runs under that name is not ours: it has lost its folder.
      await engine.client.removeUnstarted(name)
      await giveUp(engine, request.id, folder)
    }
    throw error
  }
}

async function giveUp(engine: Engine, id: SandboxRequest['id'], folder: string): Promise<void> {
  await engine.wire.close(id)
  await rm(folder, { recursive: true, force: true })
}

/** Never part of what the engine shows: it travels by the container's standard input. */
export const environmentOf = ({ env }: SandboxRequest): string =>
  JSON.stringify({ ...env, BUS_URL: INSIDE.busUrl, WORKSPACE: INSIDE.workspace })
