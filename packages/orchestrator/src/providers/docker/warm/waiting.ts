import { randomUUID } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import { WAITING_WORKER } from '@specfleet/shared'
import { pause } from '../../../clock.ts'
import type { Hold } from '../../engine-folder/alive.ts'
import { INSIDE } from '../../inside.ts'
import { bodyOptions } from '../create-options.ts'
import type { Engine } from '../engine.ts'
import { folderAt, type SandboxFolder } from '../layout.ts'
import { prepareFolder } from '../prepare-folder.ts'
import { Conversation } from './conversation.ts'
import type { Kind } from './kind.ts'
import { waitingFolder, waitingLabels, waitingName } from './place.ts'

/** A worker that is not there by then is given up. */
const BOOT_LIMIT_MS = 30_000
/** How long one that is told that nobody needs it may take to end. */
const LEAVE_MS = 2_000

/** A container whose worker is booted, and knows of no run. */
export type Waiting = {
  readonly kind: Kind
  readonly name: string
  readonly containerId: string
  readonly folder: SandboxFolder
  readonly conversation: Conversation
  /** For as long as it is held, somebody has use for what is in the folder. */
  readonly hold: Hold
}

/** @throws SpecfleetError, Error of the system, or the signal's reason; nothing is left then */
export async function bootWaiting(engine: Engine, kind: Kind, signal: AbortSignal): Promise<Waiting> {
  const key = randomUUID()
  const { folder, hold } = await placeFolder(engine, key)
  const name = waitingName(engine.fleet, key)
  let conversation: Conversation | undefined
  try {
    const plan = { ...engine, ...kind, wire: folder.wire, nodeFlags: process.allowedNodeEnvironmentFlags }
    const about = { labels: waitingLabels(engine, key), workerArguments: [WAITING_WORKER.flag, INSIDE.wire] }
    const containerId = await engine.client.makeNew(name, bodyOptions(plan, about))
    conversation = new Conversation(await engine.client.attach(name))
    signal.throwIfAborted()
    await engine.client.launch(name)
    const late = new AbortController()
    using _limit = engine.clock.after(BOOT_LIMIT_MS, () =>
      late.abort(new Error(`no worker within ${BOOT_LIMIT_MS} ms`)),
    )
    await conversation.hear(WAITING_WORKER.waiting, AbortSignal.any([signal, late.signal]))
    return { kind, name, containerId, folder, conversation, hold }
  } catch (error) {
    conversation?.[Symbol.dispose]()
    await removeAll(engine, { container: name, hold, folder: folder.folder })
    throw error
  }
}

async function placeFolder(engine: Engine, key: string): Promise<{ folder: SandboxFolder; hold: Hold }> {
  const { folder: making, hold } = await prepareFolder(engine)
  const folder = folderAt(waitingFolder(engine.layout.sandboxes, key))
  try {
    await rename(making.folder, folder.folder)
    return { folder, hold }
  } catch (error) {
    hold[Symbol.dispose]()
    await rm(making.folder, { recursive: true, force: true })
    throw error
  }
}

/** Tells it that nobody needs it, and removes it when it has ended, or does not. */
export async function dismiss(engine: Engine, waiting: Waiting): Promise<void> {
  const { conversation } = waiting
  conversation.tell()
  const ended = new AbortController()
  void conversation.ended.then(() => ended.abort())
  await pause(engine.clock, LEAVE_MS, ended.signal)
  await discard(engine, waiting, waiting.folder.folder)
}

/** Removes it, whatever it does. @param folder where its folder is now */
export async function discard(
  engine: Engine,
  { containerId, hold, conversation }: Waiting,
  folder: string,
): Promise<void> {
  conversation[Symbol.dispose]()
  await removeAll(engine, { container: containerId, hold, folder })
}

/** What the engine does not remove now is nobody's any more, and found by the next sweep. */
async function removeAll(
  { client }: Engine,
  { container, hold, folder }: { readonly container: string; readonly hold: Hold; readonly folder: string },
): Promise<void> {
  try {
    await client.remove(container)
  } finally {
    hold[Symbol.dispose]()
    await rm(folder, { recursive: true, force: true })
  }
}
