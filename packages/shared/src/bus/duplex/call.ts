/** A body: all at once, or a stream that is read as fast as the peer takes it. */
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
  /** Most bytes held for a slow reader of the answer. Default 1 MiB. */
  windowBytes?: number
}

export type IncomingCall = {
  /** Subject the call was opened on: it names the caller. */
  readonly subject: string
  readonly call: string
  readonly meta: unknown
  readonly body: ReadableStream<Uint8Array>
  /**
   * Settles when the caller has shown that it knows of being served; rejects when it never does. An opening that
   * was held up on its way is nobody's any more: what costs something waits for this.
   */
  readonly heard: Promise<void>
  /** Aborts when the peer cancels or stalls, or the server stops. */
  readonly signal: AbortSignal
}

export type CallAnswer = { meta: unknown; body?: CallBody }

export type ServeCallsOptions = {
  /** Subject of opening frames, `sf.desk.<runId>.<epoch>.<service>`; may hold wildcards. */
  subject: string
  queue?: string
  /** Default 30,000. */
  idleMs?: number
  /** Most bytes held for a slow reader of a request. Default 1 MiB. */
  windowBytes?: number
  /** Default 256. */
  maxCalls?: number
  /** Most calls of one incarnation at a time. Default 16. */
  maxCallsPerPeer?: number
  /** Frames of a call that is over may be on their way for so long. Default 10,000. */
  lateMs?: number
  /**
   * Told of openings that are refused, of calls that end because their peer breaks the rules, and of frames of calls
   * that nobody serves; `count` is more than 1 when several came at once.
   */
  onRefused?: (subject: string, reason: string, count: number) => void
  /** Told of what the handler throws that is no error of the catalogue; the peer learns only `internal`. */
  onError?: (subject: string, thrown: unknown) => void
  handler: (call: IncomingCall) => Promise<CallAnswer>
}

export type CallServer = AsyncDisposable & { readonly active: number }

export const DEFAULT_IDLE_MS = 30_000
export const DEFAULT_LATE_MS = 10_000
export const DEFAULT_WINDOW_BYTES = 1024 * 1024
