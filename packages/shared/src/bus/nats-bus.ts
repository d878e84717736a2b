import { type Msg, type NatsConnection, PermissionViolationError, type Status } from 'nats'
import { SpecfleetError } from '../contract/errors.ts'
import { busError, isRefusal } from './client-errors.ts'
import type {
  Bus,
  BusMessage,
  BusStatus,
  PublishOptions,
  RequestOptions,
  SubscribeOptions,
  Subscription,
} from './connection.ts'
import { clientHeaders, ReceivedMessage } from './received-message.ts'
import { Requests } from './requests.ts'

/** Longest that closing waits for the server to confirm what was sent. */
const DRAIN_MS = 5_000

/** The one implementation of `Bus`; the rest of this folder reaches the client through it. */
export class NatsBus implements Bus {
  readonly name: string
  readonly nats: NatsConnection
  readonly closed: Promise<Error | undefined>
  readonly requests: Requests
  readonly inboxPrefix: string
  readonly #onStatus: (status: BusStatus) => void
  readonly #disconnectListeners = new Set<() => void>()
  readonly #reconnectListeners = new Set<() => void>()
  #connected = Promise.withResolvers<void>()
  #isConnected = true
  #ended: Error | undefined
  /** Why the server sent us away last; what closes the connection afterwards says less. */
  #refusal: Error | undefined

  constructor(
    nats: NatsConnection,
    options: { name: string; inboxPrefix: string; onStatus?: (status: BusStatus) => void },
  ) {
    this.name = options.name
    this.nats = nats
    this.inboxPrefix = options.inboxPrefix
    this.requests = new Requests(nats, options.inboxPrefix)
    this.#onStatus = options.onStatus ?? ((): void => undefined)
    this.#connected.resolve()
    const watching = this.#watch()
    this.closed = nats.closed().then(async (error) => {
      await watching
      const reason = error instanceof Error ? (this.#refusal ?? error) : undefined
      this.#end(reason)
      return reason
    })
  }

  get connected(): boolean {
    return this.#isConnected
  }

  get maxPayload(): number {
    return this.nats.info?.max_payload ?? 1024 * 1024
  }

  publish(subject: string, data: Uint8Array | string, options: PublishOptions = {}): void {
    const { headers, reply } = options
    try {
      this.nats.publish(subject, data, {
        ...(reply === undefined ? {} : { reply }),
        ...(headers === undefined ? {} : { headers: clientHeaders(headers) }),
      })
    } catch (thrown) {
      throw busError(thrown, subject)
    }
  }

  publishJson(subject: string, value: unknown, options: PublishOptions = {}): void {
    this.publish(subject, JSON.stringify(value), options)
  }

  async request(subject: string, data: Uint8Array | string, options: RequestOptions): Promise<BusMessage> {
    return new ReceivedMessage(await this.exchange(subject, data, options))
  }

  /** As `request`, giving the client's own message. Waits for the connection first, as part of `timeoutMs`. */
  async exchange(subject: string, data: Uint8Array | string, options: RequestOptions): Promise<Msg> {
    const { timeoutMs, signal, headers } = options
    signal?.throwIfAborted()
    if (!this.#isConnected) {
      const limit = AbortSignal.timeout(timeoutMs)
      const connected = await this.whenConnected(signal === undefined ? limit : AbortSignal.any([signal, limit]))
      signal?.throwIfAborted()
      if (!connected) throw new SpecfleetError('bus.unreachable', `no connection for ${subject} within ${timeoutMs} ms`)
    }
    try {
      return await this.requests.one({
        subject,
        data,
        timeoutMs,
        ...(headers === undefined ? {} : { headers: clientHeaders(headers) }),
        ...(signal === undefined ? {} : { signal }),
      })
    } catch (thrown) {
      signal?.throwIfAborted()
      throw busError(thrown, subject)
    }
  }

  async requestJson(subject: string, value: unknown, options: RequestOptions): Promise<unknown> {
    const answer = await this.request(subject, JSON.stringify(value), options)
    try {
      return answer.json()
    } catch (cause) {
      throw new SpecfleetError('request.malformed', `the answer on ${subject} is no JSON`, { cause })
    }
  }

  async *requestMany(
    subject: string,
    value: unknown,
    options: { timeoutMs: number; max?: number },
  ): AsyncGenerator<BusMessage> {
    const exchange = { subject, data: JSON.stringify(value), timeoutMs: options.timeoutMs }
    for await (const message of this.requests.many(exchange, options.max ?? Number.POSITIVE_INFINITY)) {
      yield new ReceivedMessage(message)
    }
  }

  subscribe(
    subject: string,
    handler: (message: BusMessage) => void | Promise<void>,
    options: SubscribeOptions = {},
  ): Subscription {
    const report = options.onError ?? ((): void => undefined)
    const call = async (message: Msg): Promise<void> => {
      try {
        await handler(new ReceivedMessage(message))
      } catch (thrown) {
        report(thrown)
      }
    }
    const inner = this.nats.subscribe(subject, {
      ...(options.queue === undefined ? {} : { queue: options.queue }),
      ...(options.max === undefined ? {} : { max: options.max }),
      callback: (error, message) => {
        if (error !== null) report(busError(error, subject))
        else void call(message)
      },
    })
    const unsubscribe = (): void => inner.unsubscribe()
    return { unsubscribe, closed: inner.closed.then(() => undefined), [Symbol.dispose]: unsubscribe }
  }

  async flush(): Promise<void> {
    try {
      await this.nats.flush()
    } catch (thrown) {
      throw busError(thrown, 'flush')
    }
  }

  /** Resolves true once connected; false when the signal aborts first or the bus is closed. */
  async whenConnected(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted || this.nats.isClosed()) return false
    const aborted = Promise.withResolvers<void>()
    const onAbort = (): void => aborted.resolve()
    signal.addEventListener('abort', onAbort, { once: true })
    await Promise.race([this.#connected.promise, aborted.promise])
    signal.removeEventListener('abort', onAbort)
    return !signal.aborted && !this.nats.isClosed()
  }

  /** Calls back at each loss of the connection, until the returned function is called. */
  onDisconnect(listener: () => void): () => void {
    this.#disconnectListeners.add(listener)
    return () => this.#disconnectListeners.delete(listener)
  }

  onReconnect(listener: () => void): Disposable {
    // A closure of its own, so that one function may listen twice.
    const own = () => listener()
    this.#reconnectListeners.add(own)
    return { [Symbol.dispose]: () => void this.#reconnectListeners.delete(own) }
  }

  /** Why nothing can be sent any more. */
  closedError(): SpecfleetError {
    if (this.#ended !== undefined && isRefusal(this.#ended)) {
      return new SpecfleetError('bus.refused', this.#ended.message, { cause: this.#ended })
    }
    return new SpecfleetError('bus.unreachable', `the connection ${this.name} is closed`, { cause: this.#ended })
  }

  async close(): Promise<void> {
    if (!this.nats.isClosed()) {
      const late = Promise.withResolvers<void>()
      const timer = setTimeout(late.resolve, DRAIN_MS)
      if (this.#isConnected && !this.nats.isDraining()) {
        // A drain that fails because the connection broke leaves only the closing below.
        await Promise.race([this.nats.drain().catch(late.resolve), late.promise])
      }
      clearTimeout(timer)
      await this.nats.close()
    }
    await this.closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #watch(): Promise<void> {
    for await (const status of this.nats.status()) this.#take(status)
  }

  #take(status: Status): void {
    if (status.type === 'disconnect') {
      if (this.#isConnected) {
        this.#isConnected = false
        this.#connected = Promise.withResolvers<void>()
      }
      this.requests.failAll(new SpecfleetError('bus.unreachable', 'the connection broke before the answer came'))
      for (const listener of [...this.#disconnectListeners]) listener()
      this.#onStatus({ kind: 'disconnected' })
    } else if (status.type === 'reconnect') {
      this.#isConnected = true
      this.#connected.resolve()
      for (const listener of [...this.#reconnectListeners]) listener()
      this.#onStatus({ kind: 'reconnected' })
    } else if (status.type === 'slowConsumer') {
      this.#onStatus({ kind: 'slow-consumer' })
    } else if (status.type === 'error') {
      this.#takeError(status.error)
    }
  }

  #takeError(error: Error): void {
    if (error instanceof PermissionViolationError && error.operation === 'publish') {
      this.requests.failSubject(error.subject, new SpecfleetError('bus.refused', error.message, { cause: error }))
    } else if (isRefusal(error)) {
      this.#refusal = error
      this.#onStatus({ kind: 'refused', reason: error.message })
    } else if (/slow consumer/i.test(error.message)) {
      this.#onStatus({ kind: 'slow-consumer' })
    }
  }

  #end(reason: Error | undefined): void {
    this.#ended = reason
    this.#isConnected = false
    this.#connected.resolve()
    this.requests.failAll(this.closedError())
    for (const listener of [...this.#disconnectListeners]) listener()
    this.#onStatus({ kind: 'closed' })
  }
}

/** What every part of this folder works on. */
export function natsBus(bus: Bus): NatsBus {
  if (bus instanceof NatsBus) return bus
  throw new SpecfleetError('internal', 'this bus was not made by connectBus')
}
