import { createInbox, type Msg, type MsgHdrs, type NatsConnection, type Payload } from 'nats'
import { SpecfleetError } from '../contract/errors.ts'

type Pending = {
  readonly subject: string
  onReply(message: Msg): void
  fail(error: unknown): void
}

export type Exchange = {
  subject: string
  data: Payload
  headers?: MsgHdrs
  timeoutMs: number
  signal?: AbortSignal
}

const isNoResponders = (message: Msg): boolean => message.data.length === 0 && message.headers?.code === 503

/**
 * Requests over one inbox subscription. Unlike the client's own, they end at once when
 * their signal aborts, when the connection breaks and when the server forbids the subject.
 */
export class Requests {
  readonly #nats: NatsConnection
  readonly #inbox: string
  readonly #pending = new Map<string, Pending>()
  #count = 0

  constructor(nats: NatsConnection, inboxPrefix: string) {
    this.#nats = nats
    this.#inbox = createInbox(inboxPrefix)
    nats.subscribe(`${this.#inbox}.*`, { callback: (_error, message) => this.#take(message) })
  }

  /** The first reply. @throws SpecfleetError `bus.unreachable`, `bus.timeout`; rejects with the signal's reason. */
  one(exchange: Exchange): Promise<Msg> {
    return new Promise((resolve, reject) => {
      const end = this.#open(exchange, {
        reply: (message) => {
          end()
          if (isNoResponders(message))
            reject(new SpecfleetError('bus.unreachable', `nobody answers ${exchange.subject}`))
          else resolve(message)
        },
        over: (error) => {
          end()
          reject(error)
        },
      })
    })
  }

  /** Every reply until the time is over or `max` came. Nobody answering is no error. */
  async *many(exchange: Exchange, max: number): AsyncGenerator<Msg> {
    const arrived: Msg[] = []
    let over: { error: unknown } | undefined
    let wake = (): void => undefined
    let count = 0
    const end = this.#open(exchange, {
      reply: (message) => {
        count += 1
        if (isNoResponders(message)) over = { error: undefined }
        else arrived.push(message)
        if (count >= max) over ??= { error: undefined }
        wake()
      },
      over: (error) => {
        over = { error: error instanceof SpecfleetError && error.code === 'bus.timeout' ? undefined : error }
        wake()
      },
    })
    try {
      while (true) {
        const message = arrived.shift()
        if (message !== undefined) yield message
        else if (over !== undefined) break
        else {
          const { promise, resolve } = Promise.withResolvers<void>()
          wake = resolve
          await promise
        }
      }
    } finally {
      end()
    }
    if (over.error !== undefined) throw over.error
  }

  /** Ends everything that waits: no reply can come any more. */
  failAll(error: SpecfleetError): void {
    for (const pending of [...this.#pending.values()]) pending.fail(error)
  }

  /** Ends what waits for a subject the server just forbade. */
  failSubject(subject: string, error: SpecfleetError): void {
    for (const pending of [...this.#pending.values()]) if (pending.subject === subject) pending.fail(error)
  }

  /** Sends, and calls back until the returned function is called. `over` comes at most once and never in this call. */
  #open(exchange: Exchange, on: { reply(message: Msg): void; over(error: unknown): void }): () => void {
    const { subject, data, headers, timeoutMs, signal } = exchange
    this.#count += 1
    const token = this.#count.toString(36)
    const timer = setTimeout(() => {
      on.over(new SpecfleetError('bus.timeout', `no answer on ${subject} within ${timeoutMs} ms`))
    }, timeoutMs)
    const onAbort = (): void => on.over(signal?.reason)
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      this.#pending.delete(token)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#pending.set(token, { subject, onReply: on.reply, fail: on.over })
    try {
      const reply = `${this.#inbox}.${token}`
      this.#nats.publish(subject, data, headers === undefined ? { reply } : { reply, headers })
    } catch (thrown) {
      queueMicrotask(() => on.over(thrown))
    }
    return end
  }

  #take(message: Msg): void {
    const token = message.subject.slice(this.#inbox.length + 1)
    this.#pending.get(token)?.onReply(message)
  }
}
