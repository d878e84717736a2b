/**
 * Gives a run to a worker that waits.
 *
 * 1. The record of whose the container is lies in its folder before the folder gets the sandbox's name. That renaming
 *    is the moment: whoever dies before it leaves a container that waits for nobody, whoever dies behind it a sandbox
 *    like any other.
 * 2. The worker is told by its input, which ends behind that. It was told all or nothing: a worker whose input ends
 *    too soon ends too.
 * 3. A worker that does not answer in time, and is not on the bus either, is cut off from it, and its folder loses the
 *    name, before anybody may start another for the same epoch. Where it turns out to have been on the bus all the
 *    same, the epoch fails: two may not have spoken for it.
 * 4. Nothing of a run is ever told to a second worker's container, nor a second run to a first one's.
 */
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { SpecfleetError, WAITING_WORKER } from '@specfleet/shared'
import { makingName, renameIfFree } from '../../engine-folder/making.ts'
import type { SandboxRequest } from '../../provider.ts'
import { containerName } from '../container.ts'
import { environmentOf } from '../create-sandbox.ts'
import type { Engine } from '../engine.ts'
import { sandboxFolder } from '../layout.ts'
import { writeHandedOver } from './handed-over.ts'
import { discard, type Waiting } from './waiting.ts'

/** A booted worker answers within a few milliseconds; later, and a cold start is the surer way. */
const ANSWER_LIMIT_MS = 120

export type HandOver =
  | { readonly kind: 'taken'; readonly rest: Promise<void> }
  /** A cold start may follow. */
  | { readonly kind: 'failed'; readonly why: unknown; readonly rest: Promise<void> }

/**
 * Fails, too, when it is called off before the worker was told.
 * @returns `rest`: what is done beside, such as removing the container of a worker that did not answer
 * @throws SpecfleetError, Error of the system when a worker that was told cannot be cut off
 */
export async function handOver(
  engine: Engine,
  waiting: Waiting,
  request: SandboxRequest,
  signal: AbortSignal,
): Promise<HandOver> {
  const { containerId, name, folder, conversation } = waiting
  const { folder: named } = sandboxFolder(engine.layout.sandboxes, request.id)
  const { id, labels, limits } = request
  const at = engine.clock.now().toISOString()
  let isNamed = false
  try {
    await writeHandedOver(folder.folder, { containerId, name, identity: { id, labels, limits }, at })
    signal.throwIfAborted()
    isNamed = await renameIfFree(folder.folder, named)
    if (!isNamed) return { kind: 'failed', why: 'the sandbox is there', rest: discard(engine, waiting, folder.folder) }
    signal.throwIfAborted()
    // Its way to the bus is made while it is told, and waited for; asked for first, it is there also when we die.
    const opened = engine.wire.open(id)
    conversation.tell(`${environmentOf(request)}\n`)
    await bothDone(opened, answered(engine, waiting, request))
    conversation[Symbol.dispose]()
    waiting.hold[Symbol.dispose]()
    return { kind: 'taken', rest: giveName(engine, waiting, request) }
  } catch (why) {
    const left = isNamed ? await cutOff(engine, waiting, request) : folder.folder
    return { kind: 'failed', why, rest: discard(engine, waiting, left) }
  }
}

/** Neither is left to itself when the other fails. */
async function bothDone(...parts: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(parts)
  await Promise.all(parts)
}

async function answered({ clock, wire }: Engine, { conversation }: Waiting, { id }: SandboxRequest): Promise<void> {
  const late = new AbortController()
  const limit = clock.after(ANSWER_LIMIT_MS, () => {
    // Where it is we who were late, its answer is there to be read.
    void setImmediate().then(() => late.abort(new Error(`no answer within ${ANSWER_LIMIT_MS} ms`)))
  })
  try {
    await conversation.hear(WAITING_WORKER.taken, late.signal)
  } catch (why) {
    // Who is on the bus has taken it, whatever became of the answer.
    const isOnBus = (await wire.list()).some(({ name, connections }) => name === id && connections > 0)
    if (!isOnBus) throw why
  } finally {
    limit[Symbol.dispose]()
  }
}

/** From here on it can say nothing to anybody, and is nobody's sandbox. @returns where its folder is */
async function cutOff(engine: Engine, { hold, conversation }: Waiting, { id }: SandboxRequest): Promise<string> {
  const { sandboxes } = engine.layout
  try {
    // What it has said stands: nobody else may speak for this epoch then.
    if (!(await engine.wire.cut(id)))
      throw new SpecfleetError('provider.failed', `${id} did not answer, and was on the bus`)
    const left = join(sandboxes, await makingName())
    await rename(sandboxFolder(sandboxes, id).folder, left)
    return left
  } finally {
    conversation[Symbol.dispose]()
    hold[Symbol.dispose]()
  }
}

/** For people, and for tools that know sandboxes by the names of their containers. */
async function giveName(engine: Engine, { containerId }: Waiting, { id }: SandboxRequest): Promise<void> {
  const name = containerName(engine.fleet, id)
  const done = await engine.client.rename(containerId, name)
  if (done === 'taken') engine.log.warn('warm.not-renamed', { sandboxId: id, containerId })
}
