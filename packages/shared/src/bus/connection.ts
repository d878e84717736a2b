import { SpecfleetError } from '../contract/errors.ts'

export type BusStatus =
  | { kind: 'connected' }
  | { kind: 'disconnected' }
  | { kind: 'reconnected' }
  /** The server does not, or no longer, accept the credentials. */
  | { kind: 'refused'; reason: string }
  | { kind: 'slow-consumer' }
  | { kind: 'closed' }

export type BusOptions = {
  /** `nats://`, `tls://` or `wss://`. */
  url: string
  /** Text of a NATS credentials file: a user JWT and its seed. */
  creds?: string
  /** Connection name shown by the server. */
  name: string
  /** Default `_INBOX`. */
  inboxPrefix?: string
  /** Keep trying instead of throwing while the first connection cannot be made. Default false. */
  waitOnFirstConnect?: boolean
  /** Default 5,000. */
  connectTimeoutMs?: number
  onStatus?: (status: BusStatus) => void
}

export type BusMessage = {
  readonly subject: string
  readonly data: Uint8Array
  readonly headers: Record<string, string>
  readonly reply?: string
  /** @throws SyntaxError when the payload is not JSON. */
  json(): unknown
  /** Answers into `reply`; does nothing when the sender wants no answer. */
  respond(data: Uint8Array | string): void
}

export interface Subscription extends Disposable {
  unsubscribe(): void
  readonly closed: Promise<void>
}

export type PublishOptions = { headers?: Record<string, string>; reply?: string }
export type RequestOptions = { timeoutMs: number; signal?: AbortSignal; headers?: Record<string, string> }
export type SubscribeOptions = {
  /** Queue group: each message goes to one member. */
  queue?: string
  /** Unsubscribe after so many messages. */
  max?: number
  /** Told of what the handler throws; the subscription goes on. */
  onError?: (thrown: unknown) => void
}

/** One connection to the bus. It reconnects for ever, with jitter, until it is closed. */
export interface Bus extends AsyncDisposable {
  readonly name: string
  readonly connected: boolean
  /** The server's limit for one message, in bytes. */
  readonly maxPayload: number
  /** Core publish: at most once. @throws SpecfleetError `bus.too-large`, `bus.unreachable` once closed. */
  publish(subject: string, data: Uint8Array | string, options?: PublishOptions): void
  publishJson(subject: string, value: unknown, options?: PublishOptions): void
  /** @throws SpecfleetError `bus.unreachable` (nobody listens), `bus.timeout`. Rejects with the signal's reason. */
  request(subject: string, data: Uint8Array | string, options: RequestOptions): Promise<BusMessage>
  /** As `request`, with JSON both ways. @throws SpecfleetError `request.malformed` when the answer is no JSON. */
  requestJson(subject: string, value: unknown, options: RequestOptions): Promise<unknown>
  /** Answers of many responders, until the time is over or `max` came. */
  requestMany(subject: string, value: unknown, options: { timeoutMs: number; max?: number }): AsyncIterable<BusMessage>
  subscribe(
    subject: string,
    handler: (message: BusMessage) => void | Promise<void>,
    options?: SubscribeOptions,
  ): Subscription
  /** Resolves when the server has handled all that was published before. */
  flush(): Promise<void>
  /** Settles when the connection is closed for good; with the error that closed it, if one did. */
  readonly closed: Promise<Error | undefined>
  /** Drains: what was received is handled, what was published is sent, then it closes. */
  close(): Promise<void>
}

/** @throws SpecfleetError `bus.unreachable`, `bus.refused`, `bus.too-old`. */
export function connectBus(options: BusOptions): Promise<Bus> {
  return Promise.reject(new SpecfleetError('internal', options.url))
}
