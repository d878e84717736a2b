import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SandboxId } from '@specfleet/shared'
import { isHeld } from '../engine-folder/alive.ts'
import { isLeftByItsMaker } from '../engine-folder/making.ts'
import { containerName } from './container.ts'
import type { Engine } from './engine.ts'
import { sandboxFolder } from './layout.ts'
import { allHandedOver, containerOf, type HandedOver } from './warm/handed-over.ts'
import { sweepWaiting } from './warm/sweep-waiting.ts'

/** Removes a sandbox, running or not, and what lies beside it. The wire goes first: it can say no more. */
export async function destroySandbox(engine: Engine, id: SandboxId): Promise<void> {
  await engine.wire.close(id)
  await engine.client.remove(await containerOf(engine, id))
  await rm(sandboxFolder(engine.layout.sandboxes, id).folder, { recursive: true, force: true })
}

/** Removes what makers that died left half done: folders without a container, and containers that were never started. */
export async function sweep(engine: Engine): Promise<void> {
  const { client, fleet, folder, layout } = engine
  const listed = await client.list(fleet, folder)
  await sweepWaiting(engine, listed)
  const handedOver = await allHandedOver(engine)
  const containers = new Map(
    listed.map(({ id, name, started }) => [nameOf(engine, handedOver.get(id)) ?? name, started]),
  )
  const idOf = (name: string) => SandboxId.safeParse(name.slice(containerName(fleet, '').length)).data
  const unstarted = [...containers].flatMap(([name, started]) => (started ? [] : [idOf(name)]))
  const entries = await readdir(layout.sandboxes)
  const lonely = entries
    .map((entry) => SandboxId.safeParse(entry).data)
    .filter((id) => id !== undefined && !containers.has(containerName(fleet, id)))
  for (const id of [...unstarted, ...lonely])
    if (id !== undefined && !isBeingMade(engine, id)) await destroySandbox(engine, id)
  for (const entry of entries)
    if (await isLeftByItsMaker(entry)) await rm(join(layout.sandboxes, entry), { recursive: true, force: true })
}

/** Of what was handed over and may still be called as it was while it waited. */
const nameOf = ({ fleet }: Engine, became: HandedOver | undefined): string | undefined =>
  became && containerName(fleet, became.identity.id)

export const isBeingMade = ({ layout }: Engine, id: SandboxId): boolean =>
  isHeld(sandboxFolder(layout.sandboxes, id).making)
