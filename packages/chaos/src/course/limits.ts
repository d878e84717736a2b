/** Longest that a trial may take, the length of its blow apart; a task may come out of the queue again after 15 s. */
export const LIMIT_MS = 90_000
/** Longer than any orchestrator counts as alive and any worker's heart may be silent. */
export const FREEZE_MS = 30_000
/** Runs that cannot succeed are watched one at a time. */
export const POISONED_JOBS = 1
