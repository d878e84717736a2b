import type { Point, PointName } from './point.ts'

/**
 * A stretch of wire between the processes of a fleet and its server. It passes everything on, names what it sees,
 * and stops the one connection that comes to an awaited point.
 */
export interface Relay extends AsyncDisposable {
  /** What the processes get for the server's address. */
  readonly url: string
  /** How often each point came by so far. */
  readonly seen: ReadonlyMap<PointName, number>
  /** Settles when somebody stands at the point; rejects with the signal's reason. One at a time. */
  stopAt(point: Point, signal: AbortSignal): Promise<Stopped>
}

/** One connection that stands at a point; all others go on. */
export type Stopped = {
  readonly point: Point
  readonly by: Speaker
  /** Lets it go on as if nothing had been. */
  release(): void
  /** Closes the connection on both sides; what stands before it is lost. */
  cut(): void
}

/** Who speaks on a connection, as far as the wire tells. */
export type Speaker =
  | { readonly kind: 'orchestrator'; readonly id: string }
  | { readonly kind: 'worker'; readonly runId: string; readonly epoch: number }
  | { readonly kind: 'other'; readonly name: string }
