/** How many booted workers wait for the next runs. */
export type PoolSize = {
  /** So many wait even when nothing was asked for, of the kind that the fleet usually makes. */
  readonly floor: number
  /** So many at most, of all kinds together; 0 for none at all. */
  readonly ceiling: number
}

/** Resolves when nothing else starts, and lasts until it is disposed of. `closed`: no turn will come. */
export type SpareTurn = (signal: AbortSignal) => Promise<Disposable | 'closed'>
