/**
 * A worker can start from a snapshot of its memory instead of from its source: everything is evaluated then, and what
 * an arrival runs is compiled. `node --snapshot-blob FILE --build-snapshot WORKER` makes one, and
 * `node --snapshot-blob FILE WORKER` starts from it, as often and in as many sandboxes as there are.
 *
 * Whatever is drawn or read while the snapshot is made is the same in all that start from it. So nothing of an
 * environment, a clock or a key may be in it, and what was drawn ahead of need is drawn anew.
 */
import { startupSnapshot } from 'node:v8'
import { forgetRandomness } from '@specfleet/shared/boot'

/** Compiles; a running worker that waits makes it fast by itself. */
const ROUNDS = 2

/** @param main what a process that starts from the snapshot does */
export async function prepareSnapshot(main: () => Promise<void>): Promise<void> {
  await import('./work.ts')
  const { rehearse } = await import('./rehearsal.ts')
  await rehearse(ROUNDS)
  startupSnapshot.addDeserializeCallback(forgetRandomness)
  startupSnapshot.setDeserializeMainFunction(() => void main())
}
