import { createInbox, type Msg, type Subscription } from 'nats'
import type { NatsBus } from './nats-bus.ts'
import { plainHeaders } from './received-message.ts'
import { nanos } from './streams.ts'

export type StreamMessage = {
  readonly seq: number
  readonly subject: string
  readonly data: Uint8Array
  readonly at: Date
  headers(): Record<string, string>
}

/** What has arrived; `caughtUp` when the stream held nothing further at that moment. */
export type StreamBatch = { messages: StreamMessage[]; caughtUp: boolean }

/** Most that is held for a slow reader: one pull's worth. */
const PULL = { batch: 512, maxBytes: 8 * 1024 * 1024, expiresMs: 30_000, heartbeatMs: 5_000 }
const SILENCE_MS = 3 * PULL.heartbeatMs

type Delivery = { streamSeq: number; consumerSeq: number; at: Date; pending: number }

/** A delivery's metadata stands in its reply subject; two tokens more with a domain. `undefined`: no delivery. */
export function parseDelivery(reply: string | undefined): Delivery | undefined {
  const tokens = reply?.split('.') ?? []
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK' || tokens.length < 9) return undefined
  const [streamSeq, consumerSeq, time = '', pending] = tokens.slice(tokens.length >= 11 ? 7 : 5)
  return {
    streamSeq: Number(streamSeq),
    consumerSeq: Number(consumerSeq),
    at: new Date(Number(time.slice(0, -6))),
    pending: Number(pending),
  }
}

/**
 * One ephemeral consumer, read by pulls, one at a time; the next is sent when the last
 * one's messages have been taken. It ends, rather than repairs, when a message is missing,
 * the consumer is gone or the connection broke: its owner opens another behind the last
 * message it has.
 */
export class PullSession {
  readonly #bus: NatsBus
  readonly #pullSubject: string
  readonly #inbox: string
  readonly #subscription: Subscription
  readonly #stopWatching: () => void
  #queue: StreamMessage[] = []
  #wanted = 0
  #consumerSeq = 0
  #pending: number
  #told = false
  #over = false
  #watchdog: NodeJS.Timeout | undefined
  #wake = (): void => undefined

  /** `pending`: messages the consumer was made with. */
  constructor(bus: NatsBus, options: { stream: string; consumer: string; pending: number; inboxPrefix: string }) {
    this.#bus = bus
    this.#pullSubject = `$JS.API.CONSUMER.MSG.NEXT.${options.stream}.${options.consumer}`
    this.#pending = options.pending
    this.#inbox = createInbox(options.inboxPrefix)
    this.#subscription = bus.nats.subscribe(this.#inbox, {
      callback: (error, message) => (error === null ? this.#take(message) : this.#end()),
    })
    this.#stopWatching = bus.onDisconnect(() => this.#end())
  }

  /** Waits for messages, or for the first time that there are none; `undefined` when the session is over. */
  async next(signal: AbortSignal): Promise<StreamBatch | undefined> {
    const onAbort = (): void => this.#wake()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      while (!signal.aborted) {
        const messages = this.#queue
        const caughtUp = this.#pending === 0
        if (messages.length > 0 || (caughtUp && !this.#told)) {
          this.#queue = []
          this.#told = caughtUp
          return { messages, caughtUp }
        }
        if (this.#over) return undefined
        if (this.#wanted === 0) this.#pull()
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
      return undefined
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  close(): void {
    this.#end()
    this.#stopWatching()
    this.#subscription.unsubscribe()
  }

  #pull(): void {
    this.#wanted = PULL.batch
    this.#watch()
    const request = {
      batch: PULL.batch,
      max_bytes: PULL.maxBytes,
      expires: nanos(PULL.expiresMs),
      idle_heartbeat: nanos(PULL.heartbeatMs),
    }
    this.#bus.nats.publish(this.#pullSubject, JSON.stringify(request), { reply: this.#inbox })
  }

  #take(message: Msg): void {
    if (this.#over) return
    const delivery = parseDelivery(message.reply)
    if (delivery !== undefined) this.#takeDelivery(message, delivery)
    else this.#takeStatus(message)
  }

  #takeDelivery(message: Msg, delivery: Delivery): void {
    if (delivery.consumerSeq !== this.#consumerSeq + 1) {
      this.#end()
      return
    }
    this.#consumerSeq = delivery.consumerSeq
    this.#pending = delivery.pending
    this.#wanted = Math.max(0, this.#wanted - 1)
    this.#queue.push({
      seq: delivery.streamSeq,
      subject: message.subject,
      data: message.data,
      at: delivery.at,
      headers: () => plainHeaders(message),
    })
    this.#watch()
    this.#wake()
  }

  #takeStatus(message: Msg): void {
    const code = message.headers?.code ?? 0
    const description = message.headers?.description ?? ''
    if (code === 100) {
      const last = Number(message.headers?.get('Nats-Last-Consumer') || this.#consumerSeq)
      if (last > this.#consumerSeq) this.#end()
      else this.#watch()
    } else if (code === 404 || code === 408 || (code === 409 && /max ?bytes/i.test(description))) {
      this.#wanted = 0
      clearTimeout(this.#watchdog)
      this.#wake()
    } else {
      this.#end()
    }
  }

  /** While a pull is open the server beats; silence means that it is gone. */
  #watch(): void {
    clearTimeout(this.#watchdog)
    if (this.#wanted > 0) this.#watchdog = setTimeout(() => this.#end(), SILENCE_MS)
  }

  #end(): void {
    this.#over = true
    clearTimeout(this.#watchdog)
    this.#wake()
  }
}
