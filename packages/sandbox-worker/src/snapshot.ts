/**
 * A worker can start from a snapshot of its memory instead of from its source: everything is evaluated then, and what
 * an arrival runs is compiled. `node --snapshot-blob FILE --build-snapshot WORKER` makes one, and
 * `node --snapshot-blob FILE WORKER` starts from it, as often and in as many sandboxes as there are.
 *
 * Whatever is drawn or read while the snapshot is made is the same in all that start from it. So nothing of an
 * environment, a clock or a key may be in it, what was drawn ahead of need is drawn anew, and what Node knows of timers
 * is forgotten.
 */
import { setTimeout } from 'node:timers/promises'
import { startupSnapshot } from 'node:v8'
import { forgetRandomness } from '@specfleet/shared/boot'

/** Compiles; a running worker that waits makes it fast by itself. */
const ROUNDS = 2

/** @param main what a process that starts from the snapshot does */
export async function prepareSnapshot(main: () => Promise<void>): Promise<void> {
  await import('./work.ts')
  const { rehearse } = await import('./rehearsal.ts')
  await rehearse(ROUNDS)
  await forgetTimers()
  startupSnapshot.addDeserializeCallback(forgetRandomness)
  startupSnapshot.setDeserializeMainFunction(() => void main())
}

/**
 * Node keeps when the next timer is due, cleared or not, until one fires, and arms none that is due later: in a process
 * that is older than this one was, that would be every timer, for ever.
 */
const forgetTimers = (): Promise<void> => setTimeout(1)
