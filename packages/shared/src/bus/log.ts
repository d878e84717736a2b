import type { Envelope } from '../contract/envelope.ts'
import type { SpecId } from '../contract/ids.ts'
import { STREAMS, subjects } from '../contract/subjects.ts'
import type { Bus } from './connection.ts'
import { lastSequence } from './jetstream-api.ts'
import { parseJson } from './json.ts'
import { HEADER, store } from './publish.ts'
import type { StreamMessage } from './pull-session.ts'
import { readStream, readSubject } from './stream-reader.ts'

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
  return {
    append: (envelope, options) => append(bus, envelope, options),
    readSpec: (specId, options) => readSpec(bus, specId, options),
    follow: (options) => follow(bus, options),
    lastSeq: () => lastSequence(bus, STREAMS.log),
  }
}

/** For a worker, which has no JetStream API: appends through its account's service import. */
export function openWorkerLog(bus: Bus): Pick<FactLog, 'append'> {
  return { append: (envelope, options) => append(bus, envelope, options) }
}

function append(bus: Bus, envelope: Envelope, options: AppendOptions = {}): Promise<Appended> {
  const { signal, expectLastOfSpec } = options
  const headers =
    expectLastOfSpec === undefined
      ? {}
      : {
          [HEADER.expectLastOfSubject]: String(expectLastOfSpec),
          [HEADER.expectSubject]: subjects.logOfSpec(envelope.specId),
        }
  const subject = subjects.log(envelope, envelope.type)
  return store(bus, subject, JSON.stringify(envelope), { id: envelope.id, headers, ...(signal && { signal }) })
}

async function* readSpec(
  bus: Bus,
  specId: SpecId,
  range: { fromSeq?: number; toSeq?: number } = {},
): AsyncGenerator<LogEntry> {
  for await (const message of readSubject(bus, STREAMS.log, subjects.logOfSpec(specId), range)) {
    yield new Entry(message)
  }
}

async function* follow(
  bus: Bus,
  { fromSeq, specId, signal }: { fromSeq: number; specId?: SpecId; signal: AbortSignal },
): AsyncGenerator<LogEntry[]> {
  const filter = specId === undefined ? {} : { filter: subjects.logOfSpec(specId) }
  for await (const { messages } of readStream(bus, {
    stream: STREAMS.log,
    ...filter,
    from: { seq: fromSeq },
    signal,
  })) {
    if (messages.length > 0) yield messages.map((message) => new Entry(message))
  }
}

class Entry implements LogEntry {
  readonly seq: number
  readonly subject: string
  readonly data: Uint8Array
  readonly at: Date

  constructor({ seq, subject, data, at }: StreamMessage) {
    this.seq = seq
    this.subject = subject
    this.data = data
    this.at = at
  }

  value(): unknown {
    return parseJson(this.data)
  }
}
