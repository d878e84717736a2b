import { createHash } from 'node:crypto'

/** A run of user ids that belong to nobody else on the host. */
export type UidRange = { readonly first: number; readonly count: number }

/** Between the ids that accounts and rootless containers are given and those that systemd keeps for itself. */
const PREFERRED: UidRange = { first: 0x6000_0000, count: 0x1000_0000 }
const SMALL_FIRST = 40_000

/**
 * The ids that sandboxes of a root orchestrator run under, out of those its own user namespace has.
 * `undefined` when there is no room. Pure.
 * @param uidMap text of `/proc/self/uid_map`
 */
export function sandboxUids(uidMap: string): UidRange | undefined {
  const mapped = uidMap
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
  const mappedTo = (first: number) =>
    mapped.find(([inside = 0, , count = 0]) => inside <= first && first < inside + count)
  const end = (first: number) => {
    const [inside = 0, , count = 0] = mappedTo(first) ?? []
    return inside + count
  }
  if (end(PREFERRED.first) >= PREFERRED.first + PREFERRED.count) return PREFERRED
  const count = Math.min(end(SMALL_FIRST), 60_000) - SMALL_FIRST
  return count >= 1_000 ? { first: SMALL_FIRST, count } : undefined
}

/**
 * The id of one sandbox: the same whenever it is asked for, so that nothing has to be handed out. Among a
 * thousand sandboxes two share an id once in five hundred times, and then still have no path to each other.
 */
export function uidOf(range: UidRange, folder: string): number {
  const digest = createHash('sha256').update(folder).digest()
  return range.first + (digest.readUInt32BE(0) % range.count)
}
