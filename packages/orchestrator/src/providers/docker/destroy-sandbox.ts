import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SandboxId } from '@specfleet/shared'
import { isHeld } from '../engine-folder/alive.ts'
import { isLeftByItsMaker } from '../engine-folder/making.ts'
import { containerName } from './container.ts'
import type { Engine } from './engine.ts'
import { sandboxFolder } from './layout.ts'

/** Removes a sandbox, running or not, and what lies beside it. The wire goes first: it can say no more. */
export async function destroySandbox(engine: Engine, id: SandboxId): Promise<void> {
  await engine.wire.close(id)
  await engine.client.remove(containerName(engine.fleet, id))
  await rm(sandboxFolder(engine.layout.sandboxes, id).folder, { recursive: true, force: true })
}

/** Removes what makers that died left half done: folders without a container, and containers that were never started. */
export async function sweep(engine: Engine): Promise<void> {
  const { client, fleet, folder, layout } = engine
  const containers = new Map((await client.list(fleet, folder)).map(({ name, started }) => [name, started]))
  const idOf = (name: string) => SandboxId.safeParse(name.slice(containerName(fleet, '').length)).data
  const unstarted = [...containers].flatMap(([name, started]) => (started ? [] : [idOf(name)]))
  const entries = await readdir(layout.sandboxes)
  const lonely = entries
    .map((entry) => SandboxId.safeParse(entry).data)
    .filter((id) => id !== undefined && !containers.has(containerName(fleet, id)))
  for (const id of [...unstarted, ...lonely])
    if (id !== undefined && (await isHalfMade(engine, id))) await destroySandbox(engine, id)
  for (const entry of entries)
    if (await isLeftByItsMaker(entry)) await rm(join(layout.sandboxes, entry), { recursive: true, force: true })
}

/** Its maker lets go of it once it runs: it is looked at again after that, since what was listed is older. */
async function isHalfMade(engine: Engine, id: SandboxId): Promise<boolean> {
  if (isBeingMade(engine, id)) return false
  const found = await engine.client.inspect(containerName(engine.fleet, id))
  return found === undefined || found.state === 'made'
}

export const isBeingMade = ({ layout }: Engine, id: SandboxId): boolean =>
  isHeld(sandboxFolder(layout.sandboxes, id).making)
