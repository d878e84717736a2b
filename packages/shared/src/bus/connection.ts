import { type Authenticator, type ConnectionOptions, type NatsConnection, wsconnect } from 'nats'
import { SpecfleetError } from '../contract/errors.ts'
import { isRefusal } from './client-errors.ts'
import { readCreds } from './creds-file.ts'
import { NatsBus } from './nats-bus.ts'
import { keyFromSeed, signWith } from './nkey.ts'
import { dial } from './transport.ts'

export type BusStatus =
  | { kind: 'connected' }
  | { kind: 'disconnected' }
  | { kind: 'reconnected' }
  /** The server does not, or no longer, accept the credentials. */
  | { kind: 'refused'; reason: string }
  | { kind: 'slow-consumer' }
  | { kind: 'closed' }

export type BusOptions = {
  /** `nats://`, `tls://`, `wss://`, or `unix:` and the path of a socket that leads to a server. */
  url: string
  /** Text of a NATS credentials file (a user JWT and its seed), or what gives the current one. */
  creds?: string | (() => string)
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
  /** Calls back each time the connection is there again after a loss; what was published meanwhile was missed. */
  onReconnect(listener: () => void): Disposable
  /** Settles when the connection is closed for good; with the error that closed it, if one did. */
  readonly closed: Promise<Error | undefined>
  /** Drains: what was received is handled, what was published is sent, then it closes. */
  close(): Promise<void>
}

/** Reconnection waits this long at first and doubles; each wait is spread by half up and down. */
const RECONNECT_MS = { first: 100, most: 1_000 }
/** A server that answers no ping for three of these counts as gone. */
const PING_EVERY_MS = 10_000
const OLDEST_SERVER = { major: 2, minor: 12 }

/**
 * Connects. Credentials are asked for again at every reconnection when given as a function.
 * @throws SpecfleetError `bus.unreachable`, `bus.refused`, `bus.too-old`.
 */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const backoff = new Backoff()
  const onStatus = (status: BusStatus): void => {
    if (status.kind === 'reconnected') backoff.reset()
    options.onStatus?.(status)
  }
  const inboxPrefix = options.inboxPrefix ?? '_INBOX'
  const settings: ConnectionOptions = {
    name: options.name,
    inboxPrefix,
    timeout: options.connectTimeoutMs ?? 5_000,
    waitOnFirstConnect: options.waitOnFirstConnect ?? false,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => backoff.delay(performance.now()),
    pingInterval: PING_EVERY_MS,
    maxPingOut: 2,
    ...(options.creds === undefined ? {} : { authenticator: authenticate(options.creds) }),
  }
  let nats: NatsConnection
  try {
    nats = await open(options.url, settings)
  } catch (thrown) {
    throw connectError(thrown, options.url)
  }
  const version = nats.info?.version ?? ''
  if (isTooOld(version)) {
    await nats.close()
    throw new SpecfleetError('bus.too-old', `${options.url} runs nats-server ${version}`)
  }
  const bus = new NatsBus(nats, { name: options.name, inboxPrefix, onStatus })
  onStatus({ kind: 'connected' })
  return bus
}

const UNIX = 'unix:'

/** The path in the address of a socket; `undefined` for an address of another kind. */
export const socketPathOf = (url: string): string | undefined =>
  url.startsWith(UNIX) ? url.slice(UNIX.length) : undefined

function open(url: string, settings: ConnectionOptions): Promise<NatsConnection> {
  if (/^wss?:/.test(url)) return wsconnect({ ...settings, servers: url })
  const socketPath = socketPathOf(url)
  if (socketPath === undefined) return dial({ ...settings, servers: url })
  // Servers that those behind the socket know of could not be dialled.
  return dial({ ...settings, ignoreClusterUpdates: true, socketPath })
}

/** Milliseconds before the given attempt; `random` is from 0 to 1. */
export const reconnectDelay = (attempt: number, random: number): number =>
  Math.min(RECONNECT_MS.most, RECONNECT_MS.first * 2 ** Math.min(attempt - 1, 10)) * (0.5 + random)

/** The client asks for the delay several times while it waits for one attempt; all get the same. */
class Backoff {
  #failures = 0
  #delay = 0
  #since = Number.NEGATIVE_INFINITY

  delay(now: number): number {
    if (now - this.#since >= this.#delay) {
      this.#failures += 1
      this.#delay = reconnectDelay(this.#failures, Math.random())
      this.#since = now
    }
    return this.#delay
  }

  reset(): void {
    this.#failures = 0
    this.#delay = 0
  }
}

/** Whether a server of that version lacks what the bus rests on. */
export function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major !== OLDEST_SERVER.major) return !(major > OLDEST_SERVER.major)
  return !(minor >= OLDEST_SERVER.minor)
}

/** Proves the user to the server, which sends a nonce to sign. */
function authenticate(creds: string | (() => string)): Authenticator {
  return (nonce) => {
    const { jwt, seed } = readCreds(typeof creds === 'function' ? creds() : creds)
    const key = keyFromSeed('user', seed)
    return { jwt, nkey: key.publicKey, sig: signWith(key, nonce ?? '').toString('base64url') }
  }
}

function connectError(thrown: unknown, url: string): SpecfleetError {
  if (thrown instanceof SpecfleetError) return thrown
  const detail = thrown instanceof Error ? thrown.message : String(thrown)
  const where = url.replace(/\/\/[^@/]*@/, '//')
  return new SpecfleetError(isRefusal(thrown) ? 'bus.refused' : 'bus.unreachable', `${where}: ${detail}`, {
    cause: thrown,
  })
}
