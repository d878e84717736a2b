import { SpecfleetError, type WireError } from '../../contract/errors.ts'
import type { Bus } from '../connection.ts'
import type { CallBody } from './call.ts'
import { cancelReason } from './errors.ts'
import { clampWindow, Sequence } from './flow.ts'
import {
  type AnswerHead,
  decodeCredit,
  decodeFrame,
  encodeCredit,
  encodeFrame,
  encodeHead,
  type Frame,
  type FrameKind,
  type OpenHead,
  type PeerTerms,
} from './frames.ts'
import { Inbound } from './inbound.ts'
import { Outbound } from './outbound.ts'

const MOST_FRAME_BYTES = 128 * 1024
const LEAST_IDLE_MS = 250
const MOST_IDLE_MS = 10 * 60_000
/** Frames that a silent side sends within the other's patience. */
const PINGS_PER_IDLE = 3
const EMPTY = new Uint8Array()

export type ChannelOptions = {
  /** Subject of the frames we send. */
  to: string
  windowBytes: number
  idleMs: number
  /** Numbers already used: an opening frame stands for one. */
  sent: number
  received: number
  /** The head of the answer, for the side that waits for it. */
  onHead?: (payload: Uint8Array) => void
}

/**
 * One call, seen from either end: numbers and checks frames, moves two bodies under flow
 * control, beats while silent, and ends in exactly one way. Invariants:
 *
 * 1. Nothing that comes in throws; what breaks the rules ends the call with `duplex.broken`.
 * 2. After the end no frame is sent, no timer runs, and both bodies are let go.
 * 3. A pause of our own process is not taken for the peer's silence.
 */
export class Channel {
  readonly inbound: Inbound
  readonly #bus: Bus
  readonly #options: ChannelOptions
  readonly #outbound: Outbound
  readonly #sent = new Sequence()
  readonly #received = new Sequence()
  readonly #abort = new AbortController()
  readonly #done = Promise.withResolvers<void>()
  readonly #heard = Promise.withResolvers<void>()
  readonly #idleMs: number
  #tickMs: number
  #timer: NodeJS.Timeout | undefined
  #lastTick = performance.now()
  #lastHeard = performance.now()
  #spoke = false
  #awaitsHead: boolean
  #over = false
  #failed = false

  constructor(bus: Bus, options: ChannelOptions) {
    this.#bus = bus
    this.#options = options
    this.#idleMs = options.idleMs
    this.#awaitsHead = options.onHead !== undefined
    this.#tickMs = options.idleMs / PINGS_PER_IDLE
    for (let count = 0; count < options.sent; count += 1) this.#sent.next()
    for (let count = 0; count < options.received; count += 1) this.#received.next()
    // Not everybody waits for it.
    this.#heard.promise.catch(() => undefined)
    this.#outbound = new Outbound(frameBytes(bus), (bytes) => this.#send('data', bytes))
    this.inbound = new Inbound(options.windowBytes, {
      credit: (bytes) => this.#send('credit', encodeCredit(bytes)),
      cancelled: (reason) => this.#bodyCancelled(reason),
    })
  }

  /** Aborts when the call ends in any other way than well. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Resolves at the end, whatever it was. */
  get done(): Promise<void> {
    return this.#done.promise
  }

  /** Settles when the peer has said something; rejects with the failure of the call when it never does. */
  get heard(): Promise<void> {
    return this.#heard.promise
  }

  get failed(): boolean {
    return this.#failed
  }

  get failure(): unknown {
    return this.#abort.signal.reason
  }

  /** The peer's terms are known: bodies may flow and silence counts. */
  start(peer: PeerTerms): void {
    if (this.#over) return
    const idleMs = Math.min(MOST_IDLE_MS, Math.max(LEAST_IDLE_MS, peer.idleMs))
    this.#tickMs = Math.min(this.#idleMs, idleMs) / PINGS_PER_IDLE
    this.#lastHeard = performance.now()
    this.#outbound.grant(clampWindow(peer.windowBytes))
    this.#armTimer()
  }

  /** A frame as it came. */
  receive(bytes: Uint8Array): void {
    if (this.#over) return
    const frame = decodeFrame(bytes)
    if (frame === undefined) {
      this.#broken('a message was no frame')
    } else if (!this.#received.accept(frame.seq)) {
      this.#broken(`frame ${frame.seq} came out of order`)
    } else {
      this.#lastHeard = performance.now()
      this.#take(frame)
      this.#heard.resolve()
    }
  }

  /** Says that we are here. */
  ping(): void {
    this.#send('ping', EMPTY)
  }

  sendHead(head: AnswerHead, body: Uint8Array): void {
    this.#send('head', encodeHead(head, body))
  }

  /** Sends bodies one behind the other and the end; those that cannot be sent any more are let go. Never rejects. */
  async sendBodies(bodies: CallBody[]): Promise<void> {
    try {
      let whole = true
      for (const body of bodies) whole = await this.#outbound.pump(body)
      if (whole) this.#send('end', EMPTY)
    } catch (thrown) {
      const told = thrown instanceof SpecfleetError ? thrown : new SpecfleetError('internal')
      this.fail(thrown, told.toWire())
    }
  }

  /** Ends the call well. */
  finish(): void {
    this.#finish(undefined)
  }

  /** Ends the call with a reason; with `tell`, the peer learns that. */
  fail(reason: unknown, tell?: WireError): void {
    if (this.#over) return
    this.#failed = true
    if (tell !== undefined) this.#send('cancel', new TextEncoder().encode(JSON.stringify(tell)))
    this.inbound.fail(reason)
    this.#heard.reject(reason)
    this.#finish(reason)
    this.#abort.abort(reason)
  }

  #take({ kind, payload }: Frame): void {
    if (kind === 'credit') {
      const bytes = decodeCredit(payload)
      if (bytes === undefined) this.#broken('a credit was malformed')
      else this.#outbound.grant(bytes)
    } else if (kind === 'cancel') {
      this.fail(cancelReason(payload))
    } else if (kind === 'head' && this.#awaitsHead) {
      this.#awaitsHead = false
      this.#options.onHead?.(payload)
    } else if (kind === 'data' && !this.#awaitsHead) {
      if (!this.inbound.push(payload)) this.#broken('more was sent than was granted')
    } else if (kind === 'end' && !this.#awaitsHead) {
      if (!this.inbound.end()) this.#broken('the body ended twice')
      else if (this.#asks) this.finish()
    } else if (kind !== 'ping') {
      this.#broken(`a frame of kind ${kind} came where none belongs`)
    }
  }

  /** Whether this is the side that opened the call: an answer's end is the call's end. */
  get #asks(): boolean {
    return this.#options.onHead !== undefined
  }

  /** The reader of the body wants no more. For the asking side that is the end of the call. */
  #bodyCancelled(reason: unknown): void {
    if (!this.#asks) return
    const error = new SpecfleetError('duplex.cancelled', 'the answer is not read further', { cause: reason })
    this.fail(error, error.toWire())
  }

  #broken(detail: string): void {
    const error = new SpecfleetError('duplex.broken', detail)
    this.fail(error, error.toWire())
  }

  #send(kind: FrameKind, payload: Uint8Array): void {
    if (this.#over) return
    try {
      this.#bus.publish(this.#options.to, encodeFrame({ kind, seq: this.#sent.next(), payload }))
      this.#spoke = true
    } catch (thrown) {
      this.fail(thrown)
    }
  }

  #finish(reason: unknown): void {
    if (this.#over) return
    this.#over = true
    clearTimeout(this.#timer)
    // A source that fails while it is let go has nobody left to tell.
    this.#outbound.stop(reason).then(this.#done.resolve, () => this.#done.resolve())
  }

  #armTimer(): void {
    this.#lastTick = performance.now()
    this.#timer = setTimeout(() => this.#tick(), this.#tickMs)
  }

  #tick(): void {
    const now = performance.now()
    if (now - this.#lastTick > 2 * this.#tickMs) this.#lastHeard = now
    if (now - this.#lastHeard > this.#idleMs) {
      const error = new SpecfleetError('duplex.stalled', `nothing came for ${this.#idleMs} ms`)
      this.fail(error, error.toWire())
      return
    }
    if (!this.#spoke) this.ping()
    this.#spoke = false
    if (!this.#over) this.#armTimer()
  }
}

/** Largest piece of a body in one frame. */
export const frameBytes = (bus: Bus): number => Math.max(1024, Math.min(MOST_FRAME_BYTES, bus.maxPayload - 4096))

/** What may go along in an opening frame or a head: as much of the `meta`, and as much of the body. */
export const inlineBytes = (bus: Bus): number => frameBytes(bus) / 2

/** A head for a `meta`: inside the frame when it fits, else announced as the body's first bytes. */
export function placeMeta(
  meta: unknown,
  limit: number,
): { head: Pick<OpenHead, 'meta' | 'metaBytes'>; first: Uint8Array } {
  const json = new TextEncoder().encode(JSON.stringify(meta ?? null))
  if (json.length <= limit) return { head: { meta }, first: EMPTY }
  return { head: { metaBytes: json.length, meta: undefined }, first: json }
}
