import * as z from 'zod'
import { newId } from '../contract/ids.ts'
import type { Bus } from './connection.ts'
import { expectOk, jetStreamApi, storedMessage } from './jetstream-api.ts'
import { type NatsBus, natsBus } from './nats-bus.ts'
import { PullSession, type StreamBatch, type StreamMessage } from './pull-session.ts'
import { nanos } from './streams.ts'

export type ReadOptions = {
  stream: string
  /** Only subjects that match it. */
  filter?: string
  /** Everything from a sequence on, or first the last of each subject and then what follows. */
  from: { seq: number } | 'last-per-subject'
  signal: AbortSignal
}

/** A consumer that nobody pulls from for so long is removed by the server. */
const IDLE_MS = 60_000
const Created = z.object({ num_pending: z.number().default(0) })

/**
 * Messages of a stream in order, each exactly once, over any restart of the server; ends
 * when the signal aborts. The invariant: a new session starts one behind the last message
 * that was handed out, so nothing is lost and nothing comes twice. Memory is bounded by one
 * pull, since the next is sent only when the reader comes back.
 */
export async function* readStream(bus: Bus, options: ReadOptions): AsyncGenerator<StreamBatch> {
  const nats = natsBus(bus)
  const { signal } = options
  let last = 0
  while (!signal.aborted) {
    const from = last === 0 ? options.from : { seq: last + 1 }
    const consumer = `r-${newId()}`
    const session = await openSession(nats, { ...options, from, consumer })
    if (session === undefined) return
    try {
      for (;;) {
        const batch = await session.next(signal)
        if (batch === undefined) break
        last = batch.messages.at(-1)?.seq ?? last
        yield batch
      }
    } finally {
      session.close()
      dropConsumer(nats, options.stream, consumer)
    }
    if (nats.nats.isClosed() && !signal.aborted) throw nats.closedError()
  }
}

/**
 * What a stream holds under a subject, from `fromSeq` up to `toSeq` or to the newest at
 * the time of the call. It asks the stream's leader for the newest and reads until that has
 * come, so a copy of the stream that lags behind is waited for.
 */
export async function* readSubject(
  bus: Bus,
  stream: string,
  filter: string,
  { fromSeq = 1, toSeq = Number.POSITIVE_INFINITY }: { fromSeq?: number; toSeq?: number } = {},
): AsyncGenerator<StreamMessage> {
  const newest = await storedMessage(bus, stream, { last_by_subj: filter })
  const end = Math.min(toSeq, newest?.seq ?? 0)
  if (end < fromSeq) return
  const { signal } = new AbortController()
  for await (const { messages } of readStream(bus, { stream, filter, from: { seq: fromSeq }, signal })) {
    for (const message of messages) {
      if (message.seq <= end) yield message
      if (message.seq >= end) return
    }
  }
}

/** `undefined` when the signal aborted first. */
async function openSession(
  bus: NatsBus,
  options: ReadOptions & { consumer: string },
): Promise<PullSession | undefined> {
  const { stream, consumer, filter, from, signal } = options
  const start =
    from === 'last-per-subject'
      ? { deliver_policy: 'last_per_subject', ...(filter === undefined && { filter_subject: '>' }) }
      : { deliver_policy: 'by_start_sequence', opt_start_seq: Math.max(1, from.seq) }
  const config = {
    name: consumer,
    ...start,
    ...(filter !== undefined && { filter_subject: filter }),
    ack_policy: 'none',
    replay_policy: 'instant',
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: nanos(IDLE_MS),
  }
  try {
    const operation = `CONSUMER.CREATE.${stream}.${consumer}${filter === undefined ? '' : `.${filter}`}`
    const limits = { signal, limitMs: Number.POSITIVE_INFINITY }
    const answer = await jetStreamApi(bus, operation, { stream_name: stream, config }, Created, limits)
    const pending = expectOk(stream, answer).num_pending
    return new PullSession(bus, { stream, consumer, pending, inboxPrefix: bus.inboxPrefix })
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  }
}

/** Without waiting: the server removes it in any case once it is idle. */
function dropConsumer(bus: NatsBus, stream: string, consumer: string): void {
  if (bus.connected) bus.nats.publish(`$JS.API.CONSUMER.DELETE.${stream}.${consumer}`)
}
