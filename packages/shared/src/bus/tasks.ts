import type { Msg } from 'nats'
import * as z from 'zod'
import { newId } from '../contract/ids.ts'
import { DURABLES, STREAMS } from '../contract/subjects.ts'
import type { Priority } from '../contract/task.ts'
import type { Bus } from './connection.ts'
import { expectOk, jetStreamApi } from './jetstream-api.ts'
import { type NatsBus, natsBus } from './nats-bus.ts'
import { store } from './publish.ts'
import { plainHeaders } from './received-message.ts'
import { pause, retryDelay, retrying } from './retry.ts'
import { nanos } from './streams.ts'
import { type Pulled, pullOnce } from './task-pull.ts'

export type QueuedTask = {
  readonly subject: string
  readonly data: Uint8Array
  readonly headers: Record<string, string>
  /** How often it was handed out, this time included. Tells nothing about ownership. */
  readonly deliveries: number
  readonly seq: number
  /**
   * Removes it from the queue; resolves when the server has confirmed that.
   * @throws SpecfleetError `bus.timeout` when the server restarted and forgot handing it out: it comes again.
   */
  ack(): Promise<void>
  nak(delayMs?: number): void
  /** Asks for another acknowledgement period. */
  working(): void
}

export interface TaskQueue {
  publish(subject: string, data: Uint8Array | string, options?: { id?: string; signal?: AbortSignal }): Promise<void>
  /** Up to `max` tasks; waits up to `waitMs` for the first. Empty when there was none or the signal aborted. */
  pull(priority: Priority, options: { max: number; waitMs: number; signal: AbortSignal }): Promise<QueuedTask[]>
  /** Waiting and handed-out tasks. */
  depth(): Promise<Record<Priority, number>>
}

/** The streams and consumers must exist (`ensureTopology`). */
export async function openTaskQueue(bus: Bus): Promise<TaskQueue> {
  const nats = natsBus(bus)
  await depth(bus)
  return {
    publish: async (subject, data, options = {}) => {
      const { id = newId(), signal } = options
      await store(bus, subject, data, { id, ...(signal && { signal }) })
    },
    pull: (priority, options) => pull(nats, consumerOf(priority), options),
    depth: () => depth(bus),
  }
}

const consumerOf = (priority: Priority): string => `${STREAMS.tasks}.${DURABLES.intake(priority)}`

const ConsumerState = z.object({ num_pending: z.number(), num_ack_pending: z.number() })

async function depth(bus: Bus): Promise<Record<Priority, number>> {
  const count = async (priority: Priority): Promise<number> => {
    const consumer = consumerOf(priority)
    const state = expectOk(consumer, await jetStreamApi(bus, `CONSUMER.INFO.${consumer}`, undefined, ConsumerState))
    return state.num_pending + state.num_ack_pending
  }
  const [high, normal, low] = await Promise.all([count('high'), count('normal'), count('low')])
  return { high, normal, low }
}

type PullOptions = { max: number; waitMs: number; signal: AbortSignal }

async function pull(bus: NatsBus, consumer: string, { max, waitMs, signal }: PullOptions): Promise<QueuedTask[]> {
  const until = performance.now() + waitMs
  for (let failures = 0; !signal.aborted; ) {
    if (!bus.connected) {
      const limit = AbortSignal.timeout(Math.max(0, Math.ceil(until - performance.now())))
      if (!(await bus.whenConnected(AbortSignal.any([signal, limit])))) break
    }
    const { messages, away } = await pullNow(bus, consumer, max, Math.max(0, until - performance.now()), signal)
    const left = until - performance.now()
    if (messages.length > 0) return messages.map((message) => queuedTask(bus, message))
    if (left <= 0) break
    if (away && bus.connected) {
      failures += 1
      await pause(Math.min(left, retryDelay(failures, Math.random())), signal)
    }
  }
  if (bus.nats.isClosed() && !signal.aborted) throw bus.closedError()
  return []
}

/** What lies there; else the first that comes, with what came along with it. */
async function pullNow(
  bus: NatsBus,
  consumer: string,
  max: number,
  waitMs: number,
  signal: AbortSignal,
): Promise<Pulled> {
  const waiting = await pullOnce(bus, consumer, { batch: max, waitMs: 0, signal })
  if (waiting.messages.length > 0 || waiting.away || waitMs <= 0 || signal.aborted) return waiting
  const first = await pullOnce(bus, consumer, { batch: 1, waitMs, signal })
  if (first.messages.length === 0 || max === 1 || signal.aborted) return first
  const rest = await pullOnce(bus, consumer, { batch: max - 1, waitMs: 0, signal })
  return { messages: [...first.messages, ...rest.messages], away: false }
}

const ACK_MS = 5_000
const ACK_RETRY_MS = 5_000

function queuedTask(bus: NatsBus, message: Msg): QueuedTask {
  const tokens = (message.reply ?? '').split('.')
  const [deliveries, seq] = tokens.slice(tokens.length >= 11 ? 6 : 4).map(Number)
  const reply = message.reply ?? ''
  return {
    subject: message.subject,
    data: message.data,
    headers: plainHeaders(message),
    deliveries: deliveries ?? 0,
    seq: seq ?? 0,
    ack: async () => {
      await retrying(bus, { limitMs: ACK_RETRY_MS }, () => bus.request(reply, '+ACK', { timeoutMs: ACK_MS }))
    },
    nak: (delayMs) => {
      bus.publish(reply, delayMs === undefined ? '-NAK' : `-NAK ${JSON.stringify({ delay: nanos(delayMs) })}`)
    },
    working: () => bus.publish(reply, '+WPI'),
  }
}
