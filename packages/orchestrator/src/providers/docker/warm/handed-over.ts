/**
 * What makes a waiting container a sandbox: a record in the sandbox's folder. The labels of a container cannot change,
 * and its name does so only after the hand-over; the record is there before anything of the run is told, and comes and
 * goes with the folder.
 */
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Epoch, RunId, SandboxId, SpecId } from '@specfleet/shared'
import * as z from 'zod'
import { exists } from '../../engine-folder/place.ts'
import { readIfAny } from '../../engine-folder/read-if-any.ts'
import { WrittenLimits } from '../../limits.ts'
import { containerName } from '../container.ts'
import type { Engine } from '../engine.ts'
import type { Container } from '../exit.ts'
import type { ListedContainer } from '../find-container.ts'
import { waitingFolder } from './place.ts'

const Labels = z.object({ fleet: z.string(), specId: SpecId, runId: RunId, epoch: Epoch, expiresAt: z.string() })

const HandedOver = z.object({
  v: z.literal(1),
  /** The engine's own id of the container. */
  containerId: z.string().min(1),
  /** Under which it waited, and may be called still. */
  name: z.string().min(1),
  identity: z.object({ id: SandboxId, labels: Labels, limits: WrittenLimits }),
  /** Since when its time counts. */
  at: z.iso.datetime(),
})
export type HandedOver = z.output<typeof HandedOver>

const FILE = 'handed-over'

export const writeHandedOver = (folder: string, record: Omit<HandedOver, 'v'>): Promise<void> =>
  writeFile(join(folder, FILE), JSON.stringify({ v: 1, ...record }), { mode: 0o600 })

/** `undefined` for what was started cold. @throws Error when the record is none: whose container it is must not be guessed */
export async function readHandedOver(folder: string): Promise<HandedOver | undefined> {
  const text = await readIfAny(join(folder, FILE))
  // Nothing of it is left when the host went down before it reached the disk; and so did the container.
  return text === undefined || text.replaceAll('\0', '') === '' ? undefined : HandedOver.parse(JSON.parse(text))
}

type Place = Pick<Engine, 'layout' | 'fleet'>

export const handedOverAs = ({ layout }: Pick<Engine, 'layout'>, id: SandboxId): Promise<HandedOver | undefined> =>
  readHandedOver(join(layout.sandboxes, id))

/** By what the engine finds a sandbox's container. */
export async function containerOf(place: Place, id: SandboxId): Promise<string> {
  return (await handedOverAs(place, id))?.containerId ?? containerName(place.fleet, id)
}

/** `undefined` when there is no container of that sandbox. */
export async function findSandbox(engine: Engine, id: SandboxId): Promise<Container | undefined> {
  const became = await handedOverAs(engine, id)
  return engine.client.inspect(became?.containerId ?? containerName(engine.fleet, id), became)
}

/** All that were handed over in this folder and are not destroyed, by the id of their container. */
export async function allHandedOver({ layout }: Pick<Engine, 'layout'>): Promise<Map<string, HandedOver>> {
  const ids = (await readdir(layout.sandboxes)).flatMap((entry) => SandboxId.safeParse(entry).data ?? [])
  const records = await Promise.all(ids.map((id) => handedOverAs({ layout }, id)))
  return new Map(records.flatMap((record) => (record === undefined ? [] : [[record.containerId, record] as const])))
}

export type ToldContainer = ListedContainer & { readonly became: HandedOver | undefined }

/** A listing in which those that were handed over say whose they are. */
export async function withWhatBecame(engine: Engine, listed: readonly ListedContainer[]): Promise<ToldContainer[]> {
  const became = await whatBecame(
    engine,
    listed.filter(({ waitingKey }) => waitingKey !== undefined),
  )
  return listed.map((container) => {
    const of = became.get(container.containerId)
    return { ...container, became: of, identity: of?.identity ?? container.identity }
  })
}

/** Of containers that were made to wait, those that were handed over, by their ids. Most are found by their names. */
export async function whatBecame(
  engine: Engine,
  containers: readonly ListedContainer[],
): Promise<Map<string, HandedOver>> {
  const found = new Map<string, HandedOver>()
  const unnamed: ListedContainer[] = []
  const prefix = containerName(engine.fleet, '')
  for (const container of containers) {
    const id = SandboxId.safeParse(container.name.slice(prefix.length)).data
    const became = id === undefined ? undefined : await handedOverAs(engine, id)
    if (became?.containerId === container.containerId) found.set(container.containerId, became)
    else if (!(await stillWaits(engine, container))) unnamed.push(container)
  }
  if (unnamed.length === 0) return found
  const all = await allHandedOver(engine)
  for (const { containerId } of unnamed) {
    const became = all.get(containerId)
    if (became !== undefined) found.set(containerId, became)
  }
  return found
}

const stillWaits = ({ layout }: Engine, { waitingKey = '' }: ListedContainer): Promise<boolean> =>
  exists(waitingFolder(layout.sandboxes, waitingKey))
