import type { PlacedRun, Records, Sha256 } from '@specfleet/shared'
import { RunId, SpecfleetError } from '@specfleet/shared'
import * as z from 'zod'

/** What sandboxes of a run left behind, in KV bucket `sf_run_blobs` under the run's id: bytes by name. */
export const RunBlobs = z.object({
  v: z.literal(1),
  runId: RunId,
  blobs: z.record(z.string(), z.number().int().nonnegative()),
})
export type RunBlobs = z.infer<typeof RunBlobs>

/** Most blobs of a run, however small: each costs a record of its own. */
const MOST_BLOBS = 1_000

/**
 * Counts a blob towards what its run may leave behind, before it is stored: also one that then fails to
 * come. The same again is counted once. Calls at the same time, also of other orchestrators, count together.
 * @throws SpecfleetError `desk.quota`
 */
export async function reserve(
  records: Records<RunBlobs>,
  { runId }: PlacedRun,
  blob: { readonly sha256: Sha256; readonly bytes: number },
  mostBytes: number,
): Promise<void> {
  for (;;) {
    const held = await records.get(runId)
    const known = new Map(Object.entries(held?.value.blobs ?? {}))
    if ((known.get(blob.sha256) ?? -1) >= blob.bytes) return
    known.set(blob.sha256, blob.bytes)
    const bytes = [...known.values()].reduce((sum, each) => sum + each, 0)
    if (bytes > mostBytes || known.size > MOST_BLOBS)
      throw new SpecfleetError('desk.quota', `${known.size} blobs of ${bytes} bytes, where ${mostBytes} are allowed`)
    const next: RunBlobs = { v: 1, runId, blobs: Object.fromEntries(known) }
    const written = held === undefined ? await records.create(runId, next) : await records.replace(held, next)
    if (written !== 'exists' && written !== 'conflict') return
  }
}
