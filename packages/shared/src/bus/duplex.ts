import { SpecfleetError } from '../contract/errors.ts'
import type { Bus } from './connection.ts'

export type CallBody = Uint8Array | ReadableStream<Uint8Array>

export type CallAddress = {
  /** Subject of the opening frame. */
  open: string
  /** Subject of later frames up. */
  up: string
  /** Subject of all frames down. */
  down: string
  /** The call's id. */
  call: string
}

export type OpenCallOptions = {
  signal?: AbortSignal
  /** Silence after which the peer counts as stalled. Default 30,000. */
  idleMs?: number
  /** Most bytes in flight towards us. Default 1 MiB. */
  windowBytes?: number
}

export type IncomingCall = {
  /** Subject the call was opened on: it names the caller. */
  readonly subject: string
  readonly call: string
  readonly meta: unknown
  readonly body: ReadableStream<Uint8Array>
  /** Aborts when the peer cancels or stalls, or the server stops. */
  readonly signal: AbortSignal
}

export type CallAnswer = { meta: unknown; body?: CallBody }

export type ServeCallsOptions = {
  /** Subject of opening frames; may hold wildcards. */
  subject: string
  queue?: string
  idleMs?: number
  windowBytes?: number
  /** Default 256. */
  maxCalls?: number
  /** Most calls of one incarnation at a time. Default 16. */
  maxCallsPerPeer?: number
  onRefused?: (subject: string, reason: string) => void
  handler: (call: IncomingCall) => Promise<CallAnswer>
}

/**
 * Opens a call and resolves with the head of its answer.
 * @throws SpecfleetError `duplex.refused`, `duplex.stalled`, `duplex.broken`, `duplex.cancelled`, or the peer's own.
 */
export function openCall(
  bus: Bus,
  to: CallAddress,
  request: { meta: unknown; body?: CallBody },
  options: OpenCallOptions = {},
): Promise<{ meta: unknown; body: ReadableStream<Uint8Array> }> {
  return Promise.reject(new SpecfleetError('internal', JSON.stringify([bus.name, to, request.meta, options.idleMs])))
}

export type CallServer = AsyncDisposable & { readonly active: number }

/** Serves calls until disposed. Nothing a peer sends makes it throw. */
export function serveCalls(bus: Bus, options: ServeCallsOptions): CallServer {
  throw new SpecfleetError('internal', bus.name + options.subject)
}
