import type { Socket } from 'node:net'
import { frameCutter, type Piece } from './frames.ts'

/** What is to be done with the next piece. */
export type Verdict =
  | { readonly kind: 'pass' }
  | { readonly kind: 'drop' }
  /** It, and all behind it, waits until `resume`, which lets it pass. */
  | { readonly kind: 'stand' }
  /** It passes, and all behind it waits. `behind` is called then, and may write. */
  | { readonly kind: 'pass-and-stand'; readonly behind: () => void }

export const PASS: Verdict = { kind: 'pass' }
export const DROP: Verdict = { kind: 'drop' }
export const STAND: Verdict = { kind: 'stand' }

/** So much is read on while nothing may pass: one that ends meanwhile is noticed. */
const MOST_WAITING_BYTES = 8 * 1024 * 1024

/** One direction of a connection: all that is not told otherwise goes by, no faster than it is taken. */
export class Lane {
  readonly #from: Socket
  readonly #to: Socket
  readonly #decide: (piece: Piece) => Verdict
  readonly #cutter = frameCutter()
  readonly #waiting: Piece[] = []
  #waitingBytes = 0
  #stands = false
  /** The first of those that wait has been decided upon. */
  #mayPass = false

  constructor(from: Socket, to: Socket, decide: (piece: Piece) => Verdict) {
    this.#from = from
    this.#to = to
    this.#decide = decide
    from.on('data', (chunk: Buffer) => this.#take(chunk))
    to.on('drain', () => this.#regulate())
  }

  /** Nothing more passes until `resume`. */
  stand(): void {
    this.#stands = true
  }

  resume(): void {
    this.#stands = false
    this.#move()
    this.#regulate()
  }

  #take(chunk: Buffer): void {
    for (const piece of this.#cutter.take(chunk)) {
      this.#waiting.push(piece)
      this.#waitingBytes += piece.bytes.length
    }
    this.#move()
    this.#regulate()
  }

  #move(): void {
    this.#to.cork()
    while (!this.#stands) {
      const [piece] = this.#waiting
      if (piece === undefined) break
      const verdict = this.#mayPass ? PASS : this.#decide(piece)
      this.#mayPass = verdict.kind === 'stand'
      if (verdict.kind === 'stand' || verdict.kind === 'pass-and-stand') this.#stands = true
      if (verdict.kind === 'stand') break
      this.#waiting.shift()
      this.#waitingBytes -= piece.bytes.length
      if (verdict.kind !== 'drop') this.#to.write(piece.bytes)
      if (verdict.kind === 'pass-and-stand') verdict.behind()
    }
    this.#to.uncork()
  }

  #regulate(): void {
    if (this.#to.writableNeedDrain || this.#waitingBytes > MOST_WAITING_BYTES) this.#from.pause()
    else this.#from.resume()
  }
}
