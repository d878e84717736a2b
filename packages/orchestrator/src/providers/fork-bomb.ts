/**
 * When a sandbox at its process limit is given up. Pure.
 *
 * To be refused a process is no crime: a build asks for too many, fails and lets go. A fork bomb does not let
 * go: look after look it either holds nearly all it may have, or is refused as often as others fork in a day.
 */

/** What the process group of a sandbox tells at one moment. */
export type ProcessCount = {
  /** Processes that could not be made, ever. */
  readonly refused: number
  readonly current: number
  readonly most: number
}

export type Suspicion = { readonly refused: number; readonly looks: number }
export const UNSUSPECTED: Suspicion = { refused: 0, looks: 0 }

export const LOOK_EVERY_MS = 1_000
/** Looks in a row. Less time than it takes for a worker that is crowded out to be given up as silent. */
export const LOOKS_UNTIL_BOMB = 3
const NEARLY_ALL = 0.9

/** What one more look adds; at `LOOKS_UNTIL_BOMB` looks the sandbox is to be ended. */
export function suspect({ refused: before, looks }: Suspicion, seen: ProcessCount): Suspicion {
  const holds = seen.refused > 0 && seen.current >= seen.most * NEARLY_ALL
  const hammers = seen.refused - before >= seen.most
  return { refused: seen.refused, looks: holds || hammers ? looks + 1 : 0 }
}

export const isForkBomb = ({ looks }: Suspicion): boolean => looks >= LOOKS_UNTIL_BOMB
