import type { Socket } from 'node:net'
import { Transform, type TransformCallback } from 'node:stream'
import { followWire, type WireFrame, type WireReader } from '@specfleet/shared/wire-reader'
import type { Allowance } from './allowance.ts'
import { addressOf, costOf, isForeign, type Quota } from './quota.ts'
import type { Refusals } from './refusals.ts'

/** What all connections of one sandbox share. */
export type Shared = {
  readonly messages: Allowance
  readonly bytesUp: Allowance
  readonly bytesDown: Allowance
  readonly quota: Quota
  /** Longest message, headers included, in bytes. */
  readonly longest: number
  readonly refusals: Refusals
}

/** A refused message costs its sender as much as so many that were not: servers write each refusal down. */
const COST_OF_REFUSAL = 50
/** Answers that a client need not have, once it does not read those it was given: so many, or so many bytes unread. */
const MOST_OWED = 100
const MOST_UNREAD = 64 * 1024

/** Errors by which a server says that it goes or has waited too long, not that it refuses: it may itself have stood still. */
const NO_REFUSAL = /^'?(server shutdown|stale connection|authentication timeout)/i

/**
 * Carries one connection, and follows it.
 *
 * 1. Bytes pass as they came, in order, but for messages that are too long, over the quota, or want their
 *    answer where the sandbox has no inbox: those do not reach the bus, and the client is told as the bus itself would tell it.
 * 2. Whoever spends more than its allowance is read from no further until that is paid back: it holds
 *    up nobody but itself.
 * 3. What cannot be followed is not carried: nobody slips past by speaking unclearly. A bus that wants
 *    TLS is the exception: it is carried unread, and only bytes are allowed for.
 */
export function joinThrough(shared: Shared, near: Socket, far: Socket): void {
  const passage = new Passage(shared, () => {
    near.destroy()
    far.destroy()
  })
  near.pipe(passage.up).pipe(far)
  far.pipe(passage.down).pipe(near)
  near.on('close', () => {
    far.destroy()
    passage.close()
  })
  far.on('close', () => near.destroy())
}

/** The two ways of one connection; `cut` ends it. */
export class Passage {
  readonly up: Transform
  readonly down: Transform
  readonly #shared: Shared
  readonly #cut: () => void
  readonly #upward: WireReader
  readonly #downward: WireReader
  /** The last message that goes no further ends here, in bytes of the way up. */
  #refusedUpTo = 0
  #refused: { from: number; to: number }[] = []
  /** The beginning of a line that was not let pass yet: it may be refused once it is whole. */
  #line: Buffer = Buffer.alloc(0)
  /** Frames of the chunk in hand. */
  #spent = 0
  #refusedNow = false
  /** Where in the chunk in hand the first frame begins, in bytes of the way down. */
  #boundary: number | undefined
  #downBase = 0
  #owed: string[] = []
  #unread = false
  readonly #pauses = new Set<NodeJS.Timeout>()

  constructor(shared: Shared, cut: () => void) {
    this.#shared = shared
    this.#cut = cut
    this.#upward = followWire({ onFrame: (frame) => this.#sent(frame) })
    this.#downward = followWire({ onFrame: (frame) => this.#came(frame) })
    this.up = new Transform({ transform: (chunk: Buffer, _encoding, done) => this.#after(this.#takeUp(chunk), done) })
    this.down = new Transform({
      transform: (chunk: Buffer, _encoding, done) => this.#after(this.#takeDown(chunk), done),
    })
  }

  close(): void {
    for (const pause of this.#pauses) clearTimeout(pause)
    this.#pauses.clear()
    this.up.destroy()
    this.down.destroy()
  }

  /** Milliseconds after which the next bytes are taken. */
  #takeUp(chunk: Buffer): number {
    const now = performance.now()
    const bytesMs = this.#shared.bytesUp.spend(chunk.length, now)
    if (this.#unread) {
      this.up.push(this.#line.length === 0 ? chunk : Buffer.concat([this.#line, chunk]))
      this.#line = Buffer.alloc(0)
      return bytesMs
    }
    this.#spent = 0
    this.#refusedNow = false
    const base = this.#upward.offset - this.#line.length
    this.#upward.take(chunk)
    if (this.#upward.lost !== undefined) return this.#cutOff(this.#upward.lost)
    this.#passOn(this.#line.length === 0 ? chunk : Buffer.concat([this.#line, chunk]), base)
    const messagesMs = this.#shared.messages.spend(this.#spent, now)
    if (messagesMs > 0 && !this.#refusedNow)
      this.#shared.refusals.note('wire', 'more messages than a sandbox may send: held back')
    return Math.max(bytesMs, messagesMs)
  }

  /** Lets pass what was not refused, up to the line that is not whole. */
  #passOn(bytes: Buffer, base: number): void {
    const held = this.#upward.heldBytes
    this.#line = Buffer.from(bytes.subarray(bytes.length - held))
    const end = base + bytes.length - held
    let next = base
    for (const { from, to } of this.#refused) {
      if (from > next) this.up.push(bytes.subarray(next - base, from - base))
      next = Math.max(next, Math.min(to, end))
    }
    if (next < end) this.up.push(bytes.subarray(next - base, end - base))
    this.#refused = this.#refusedUpTo > end ? [{ from: end, to: this.#refusedUpTo }] : []
  }

  #sent({ verb, args, at, end, payloadBytes }: WireFrame): void {
    if (verb !== 'PUB' && verb !== 'HPUB') {
      this.#spent += 1
      return
    }
    const { subject, reply } = addressOf(verb, args)
    this.#spent += costOf(subject)
    const refused = isForeign(reply)
      ? 'a reply outside of its inbox'
      : payloadBytes > this.#shared.longest
        ? `a message of more than ${this.#shared.longest} bytes`
        : this.#shared.quota.refuse(subject, end - at)
    if (refused === undefined) return
    this.#spent += COST_OF_REFUSAL
    this.#refusedNow = true
    this.#refusedUpTo = end
    this.#refused.push({ from: at, to: end })
    this.#shared.refusals.note('wire', refused)
    this.#owe(`-ERR 'Permissions Violation for Publish to "${subject}": ${refused}'\r\n`)
  }

  #takeDown(chunk: Buffer): number {
    const waitMs = this.#shared.bytesDown.spend(chunk.length, performance.now())
    if (this.#unread) {
      this.down.push(chunk)
      return waitMs
    }
    this.#boundary = undefined
    this.#downBase = this.#downward.offset
    this.#downward.take(chunk)
    if (this.#downward.lost !== undefined) return this.#cutOff(this.#downward.lost)
    // What is owed goes where a frame ends, and nowhere else.
    const boundary = this.#owed.length === 0 ? undefined : this.#boundary
    const first = boundary === undefined ? chunk : chunk.subarray(0, boundary - this.#downBase)
    if (first.length > 0) this.down.push(first)
    if (boundary !== undefined || this.#downward.between) this.#pay()
    if (first.length < chunk.length) this.down.push(chunk.subarray(first.length))
    return waitMs
  }

  #came({ verb, args, at }: WireFrame): void {
    if (at >= this.#downBase) this.#boundary ??= at
    if (verb === 'INFO') this.#unread ||= /"tls_required"\s*:\s*true/.test(args)
    if (verb !== '-ERR' || NO_REFUSAL.test(args)) return
    this.#shared.refusals.note('bus', args.replace(/^'(.*)'$/, '$1'))
    this.#shared.messages.spend(COST_OF_REFUSAL, performance.now())
  }

  #owe(answer: string): void {
    if (this.#owed.length < MOST_OWED && this.down.readableLength < MOST_UNREAD) this.#owed.push(answer)
    if (this.#downward.between && this.down.writable) this.#pay()
  }

  #pay(): void {
    if (this.#owed.length === 0) return
    this.down.push(this.#owed.join(''))
    this.#owed = []
  }

  #cutOff(reason: string): number {
    this.#shared.refusals.note('wire', `what crossed was ${reason}`)
    this.#cut()
    return Number.POSITIVE_INFINITY
  }

  #after(ms: number, done: TransformCallback): void {
    if (ms === 0) done()
    if (ms === 0 || !Number.isFinite(ms)) return
    const pause = setTimeout(() => {
      this.#pauses.delete(pause)
      done()
    }, ms)
    this.#pauses.add(pause)
  }
}
