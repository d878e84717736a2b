import type { FleetNats } from '../orchestrator-fleet.ts'

/** What the test asks its orchestrator's process. */
export type Question =
  | { kind: 'start'; nats: FleetNats }
  | { kind: 'credentials'; runId: string }
  | { kind: 'measure' }
  | { kind: 'stop' }

export type Measured = {
  kind: 'measured'
  /** Of the JavaScript heap and what it holds outside, right behind a collection. */
  heapBytes: number
  rssBytes: number
  /** Entries of the log that it has told as refused. */
  refusedFacts: number
}

export type Said =
  | { kind: 'started' }
  | { kind: 'credentials'; creds: string }
  | Measured
  /** A line of its log that nobody should ever see. */
  | { kind: 'error'; line: string }
