import { WAITING_WORKER } from '@specfleet/shared'

/** A worker's output without what it said while it waited: that is no part of its run. Pure. */
export function withoutOwnWords(output: string): string {
  let rest = output
  for (const word of [WAITING_WORKER.waiting, WAITING_WORKER.taken])
    if (rest.startsWith(`${word}\n`)) rest = rest.slice(word.length + 1)
  return rest
}
