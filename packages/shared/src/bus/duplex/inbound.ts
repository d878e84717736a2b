import { SpecfleetError } from '../../contract/errors.ts'
import { parseJson } from '../json.ts'
import { ReceiveWindow } from './flow.ts'

/** Smaller frames are copied: they are views on what the socket read, which they would keep alive. */
const COPY_BELOW_BYTES = 16 * 1024

/** The body that comes in, as a stream; holds at most its window. */
export class Inbound {
  readonly stream: ReadableStream<Uint8Array>
  readonly #window: ReceiveWindow
  readonly #on: { credit(bytes: number): void; cancelled(reason: unknown): void }
  /** Pieces, each with whether the window paid for it. */
  readonly #queue: { bytes: Uint8Array; paid: boolean }[] = []
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  readonly #settled = Promise.withResolvers<void>()
  #ended = false
  #over = false
  #wake = (): void => undefined

  constructor(windowBytes: number, on: { credit(bytes: number): void; cancelled(reason: unknown): void }) {
    this.#window = new ReceiveWindow(windowBytes)
    this.#on = on
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
        },
        pull: () => this.#pull(),
        cancel: (reason) => {
          this.#drop()
          on.cancelled(reason)
        },
      },
      { highWaterMark: 0 },
    )
  }

  /** Resolves once nothing is held any more: read to the end, cancelled or failed. */
  get settled(): Promise<void> {
    return this.#settled.promise
  }

  /** False when the sender broke the rules. */
  push(bytes: Uint8Array): boolean {
    if (this.#ended || !this.#window.receive(bytes.length)) return false
    if (this.#over || bytes.length === 0) return true
    this.#add(bytes, true)
    return true
  }

  /** Bytes that came along with a head; no credit was needed for them. */
  pushFirst(bytes: Uint8Array): void {
    if (bytes.length > 0 && !this.#over) this.#add(bytes, false)
  }

  end(): boolean {
    if (this.#ended) return false
    this.#ended = true
    if (this.#queue.length === 0) this.#settled.resolve()
    this.#wake()
    return true
  }

  /** Errors the stream at once; what it holds is dropped. */
  fail(reason: unknown): void {
    if (this.#over) return
    this.#drop()
    this.#controller?.error(reason)
  }

  /** Reads the JSON that stands in front of the body. @throws SpecfleetError `duplex.broken`. */
  async readMeta(length: number): Promise<unknown> {
    const parts: Uint8Array[] = []
    let missing = length
    while (missing > 0) {
      const bytes = await this.#next()
      if (bytes === undefined) throw new SpecfleetError('duplex.broken', 'the call ended in the middle of its head')
      parts.push(bytes.subarray(0, missing))
      if (bytes.length > missing) this.#queue.unshift({ bytes: bytes.subarray(missing), paid: false })
      missing -= Math.min(missing, bytes.length)
    }
    const meta = parseJson(Buffer.concat(parts))
    if (meta === undefined) throw new SpecfleetError('duplex.broken', 'the head of the call is no JSON')
    return meta
  }

  #add(bytes: Uint8Array, paid: boolean): void {
    this.#queue.push({ bytes: bytes.length < COPY_BELOW_BYTES ? Uint8Array.from(bytes) : bytes, paid })
    this.#wake()
  }

  #drop(): void {
    this.#over = true
    this.#queue.length = 0
    this.#settled.resolve()
    this.#wake()
  }

  async #pull(): Promise<void> {
    const bytes = await this.#next()
    if (this.#over) return
    if (bytes !== undefined) this.#controller?.enqueue(bytes)
    else {
      this.#over = true
      this.#controller?.close()
    }
  }

  /** The next piece, read and paid for; `undefined` at the end or after a failure. */
  async #next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const piece = this.#queue.shift()
      if (piece !== undefined) {
        const grant = piece.paid ? this.#window.read(piece.bytes.length) : 0
        if (grant > 0 && !this.#ended) this.#on.credit(grant)
        if (this.#ended && this.#queue.length === 0) this.#settled.resolve()
        return piece.bytes
      }
      if (this.#ended || this.#over) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
