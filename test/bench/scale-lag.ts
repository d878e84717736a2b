import type { AcknowledgedFact } from './scale-wire.ts'

/** A view of a spec became readable that includes the log up to `foldedTo`; time as of `hostNowMs`. */
export type ViewWritten = { readonly specId: string; readonly foldedTo: number; readonly at: number }

/**
 * Milliseconds from each fact's acknowledgement to the first view that includes it; `Infinity` where none does.
 * Views are in the order in which they were seen. Pure.
 */
export function viewLags(facts: readonly AcknowledgedFact[], views: readonly ViewWritten[]): number[] {
  const bySpec = Map.groupBy(views, ({ specId }) => specId)
  return facts.map(({ specId, seq, at }) => {
    const first = bySpec.get(specId)?.find(({ foldedTo }) => foldedTo >= seq)
    return first === undefined ? Number.POSITIVE_INFINITY : Math.max(0, first.at - at)
  })
}
