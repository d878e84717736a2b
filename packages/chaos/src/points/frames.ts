import { followWire, type WireFrame } from '@specfleet/shared'

/** A whole frame with its bytes; or bytes that belong to no frame that can be told apart. */
export type Piece = { readonly bytes: Buffer; readonly frame: WireFrame | undefined }

export interface FrameCutter {
  /** Takes the next bytes, cut anywhere, and gives what has become whole. The bytes are kept, not copied. */
  take(chunk: Buffer): Piece[]
}

/** Well above what a server takes: of more, only the server shall say that it is too much. */
const MOST_FRAME_BYTES = 8 * 1024 * 1024

/**
 * Cuts one direction of a NATS connection into frames. All bytes come out, in order and unchanged: a frame that is
 * too large to be held, and everything behind what is not the protocol, come out as they arrive, without a frame.
 */
export function frameCutter(mostFrameBytes = MOST_FRAME_BYTES): FrameCutter {
  const told: WireFrame[] = []
  const reader = followWire({ onFrame: (frame) => told.push(frame) })
  const held = new HeldBytes()

  /** The first that is told and its bytes as far as they are to be given out now. */
  const next = (): Piece | undefined => {
    const [frame] = told
    if (frame === undefined) return reader.lost === undefined ? undefined : loose(held.length)
    const missing = frame.end - held.start
    if (frame.end - frame.at > mostFrameBytes) {
      if (missing <= held.length) told.shift()
      return loose(Math.min(missing, held.length))
    }
    if (missing > held.length) return undefined
    told.shift()
    return { bytes: held.take(missing), frame }
  }
  const loose = (length: number): Piece | undefined =>
    length === 0 ? undefined : { bytes: held.take(length), frame: undefined }

  return {
    take(chunk) {
      held.add(chunk)
      reader.take(chunk)
      const pieces: Piece[] = []
      for (let piece = next(); piece !== undefined; piece = next()) pieces.push(piece)
      return pieces
    },
  }
}

/** Bytes in the order they came, and where in the whole they begin. */
class HeldBytes {
  #chunks: Buffer[] = []
  #start = 0
  #length = 0

  get start(): number {
    return this.#start
  }

  get length(): number {
    return this.#length
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
  }

  /** Removes the first so many bytes, which must be there. */
  take(length: number): Buffer {
    const [first] = this.#chunks
    if (first === undefined || first.length < length) this.#chunks = [Buffer.concat(this.#chunks)]
    const whole = this.#chunks[0] ?? Buffer.alloc(0)
    if (whole.length === length) this.#chunks.shift()
    else this.#chunks[0] = whole.subarray(length)
    this.#start += length
    this.#length -= length
    return whole.subarray(0, length)
  }
}
