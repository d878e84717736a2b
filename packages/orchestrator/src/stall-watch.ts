import { type Clock, every } from './clock.ts'

const LOOK_EVERY_MS = 500
/** Later than due by this much, and the process was not scheduled: stopped, swapped out, or starved. */
const STALL_MS = 1_000

/**
 * Notices that this process stood still. What others said meanwhile lies unread, so until it
 * is read nobody may be judged by their silence.
 */
export function watchForStalls(clock: Clock, onStall: (ms: number) => void): Disposable {
  let due = clock.monotonic() + LOOK_EVERY_MS
  return every(clock, LOOK_EVERY_MS, () => {
    const lateMs = clock.monotonic() - due
    due = clock.monotonic() + LOOK_EVERY_MS
    if (lateMs >= STALL_MS) onStall(lateMs)
  })
}
