import * as z from 'zod'
import { SpecfleetError } from '../contract/errors.ts'
import { newId } from '../contract/ids.ts'
import type { Bus } from './connection.ts'
import { type ApiFault, FAULT, readApiAnswer, unexpected } from './jetstream-api.ts'
import { natsBus } from './nats-bus.ts'
import { retrying } from './retry.ts'

export type Acknowledged = { seq: number; duplicate: boolean }

export type StoreOptions = {
  /** The message's id: what was stored under it is not stored again. */
  id: string
  headers?: Record<string, string>
  /** Without it, publishing goes on until acknowledged, or for `limitMs`. */
  signal?: AbortSignal
  limitMs?: number
}

const PubAck = z.object({ stream: z.string(), seq: z.number(), duplicate: z.boolean().default(false) })
const ACK_MS = 5_000

export const HEADER = {
  id: 'Nats-Msg-Id',
  expectLastOfSubject: 'Nats-Expected-Last-Subject-Sequence',
  expectSubject: 'Nats-Expected-Last-Subject-Sequence-Subject',
  expectStream: 'Nats-Expected-Stream',
  rollup: 'Nats-Rollup',
  batchId: 'Nats-Batch-Id',
  batchSequence: 'Nats-Batch-Sequence',
  batchCommit: 'Nats-Batch-Commit',
} as const

/**
 * Publishes into a stream until the stream acknowledges it, always under the same id.
 * It is plain request and reply, so a sandbox does it through its account's imports too.
 * @throws SpecfleetError `bus.conflict` (an expectation did not hold), `bus.full`, `bus.too-large`, `bus.refused`.
 */
export function store(
  bus: Bus,
  subject: string,
  data: Uint8Array | string,
  { id, headers = {}, signal, limitMs }: StoreOptions,
): Promise<Acknowledged> {
  const limits = { ...(signal && { signal }), ...(limitMs !== undefined && { limitMs }) }
  const all = { ...headers, [HEADER.id]: id }
  return retrying(natsBus(bus), limits, async () => {
    const reply = await bus.request(subject, data, { timeoutMs: ACK_MS, headers: all, ...(signal && { signal }) })
    const answer = readApiAnswer(reply.data, PubAck, subject)
    if (answer.ok) return { seq: answer.value.seq, duplicate: answer.value.duplicate }
    throw storeError(subject, answer.fault)
  })
}

const BatchAck = z.object({ seq: z.number(), count: z.number() })
type Addressed = { readonly subject: string; readonly data: string; readonly headers: Record<string, string> }

/**
 * Publishes into one stream that takes batches (`allow_atomic`): all of them, as one write, or none.
 * The server forgets a batch of which it did not see the end. Only what may be stored twice, or says what
 * it expects, goes this way: when no answer comes it may have been stored all the same.
 * @returns the stream's sequence of each
 * @throws SpecfleetError `bus.conflict`, `bus.full`, `bus.too-large`, `bus.unreachable`, `bus.timeout`.
 */
export async function storeTogether(bus: Bus, messages: readonly Addressed[]): Promise<number[]> {
  const last = messages.at(-1)
  if (last === undefined) return []
  const id = newId()
  const headersOf = ({ headers }: Addressed, index: number) => ({
    ...headers,
    [HEADER.batchId]: id,
    [HEADER.batchSequence]: String(index + 1),
  })
  for (const [index, message] of messages.slice(0, -1).entries())
    bus.publish(message.subject, message.data, { headers: headersOf(message, index) })
  const headers = { ...headersOf(last, messages.length - 1), [HEADER.batchCommit]: '1' }
  const reply = await bus.request(last.subject, last.data, { timeoutMs: ACK_MS, headers })
  const answer = readApiAnswer(reply.data, BatchAck, last.subject)
  if (!answer.ok) throw storeError(last.subject, answer.fault)
  const { seq, count } = answer.value
  if (count !== messages.length) throw new SpecfleetError('internal', `${count} of a batch of ${messages.length} came`)
  return messages.map((_, index) => seq - count + index + 1)
}

function storeError(subject: string, fault: ApiFault): SpecfleetError {
  const detail = `${subject}: ${fault.description}`
  if (FAULT.wrongLastSequence.some((code) => code === fault.errCode)) return new SpecfleetError('bus.conflict', detail)
  if (fault.errCode === FAULT.tooLarge) return new SpecfleetError('bus.too-large', detail)
  if (fault.errCode === FAULT.storeFailed && /maximum/i.test(fault.description)) {
    return new SpecfleetError('bus.full', detail)
  }
  // The store or the cluster is in trouble or overrun, which passes: the same id is sent again.
  if (fault.code === 503 || fault.code === 429 || fault.errCode === FAULT.storeFailed)
    return new SpecfleetError('bus.unreachable', detail)
  return unexpected(subject, fault)
}
