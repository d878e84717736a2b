import type { Envelope } from '../contract/envelope.ts'
import { SpecfleetError } from '../contract/errors.ts'
import type { SpecId } from '../contract/ids.ts'
import type { Bus } from './connection.ts'

export type LogEntry = {
  /** Sequence in `SF_LOG`. */
  readonly seq: number
  readonly subject: string
  readonly data: Uint8Array
  readonly at: Date
  /** The payload as JSON; `undefined` when it is none. */
  value(): unknown
}

export type AppendOptions = {
  signal?: AbortSignal
  /** Last sequence the author has seen under the spec; 0 for none. @throws `bus.conflict` when it is not the last. */
  expectLastOfSpec?: number
}
export type Appended = { seq: number; duplicate: boolean }

export interface FactLog {
  /** Appends once under the fact's id: retries with the same id until acknowledged or the signal aborts. */
  append(envelope: Envelope, options?: AppendOptions): Promise<Appended>
  /** Entries of one spec from `fromSeq` (default 1) to `toSeq` (default the last at the time of the call), in batches. */
  readSpec(specId: SpecId, options?: { fromSeq?: number; toSeq?: number }): AsyncIterable<LogEntry>
  /** What has arrived from `fromSeq` on, in order, without loss or repetition over a restart of the server; ends with the signal. */
  follow(options: { fromSeq: number; specId?: SpecId; signal: AbortSignal }): AsyncIterable<LogEntry[]>
  /** 0 when the log is empty. */
  lastSeq(): Promise<number>
}

export function openLog(bus: Bus): FactLog {
  throw new SpecfleetError('internal', bus.name)
}

/** For a worker, which has no JetStream API: appends through its account's service import. */
export function openWorkerLog(bus: Bus): Pick<FactLog, 'append'> {
  throw new SpecfleetError('internal', bus.name)
}
