/**
 * Flow control of one direction, without effects. The receiver grants bytes, the sender
 * spends them, and the receiver grants again what has been read. Invariants:
 *
 * 1. The receiver never holds more than its window: a sender who spends more breaks the call.
 * 2. Each frame costs `FRAME_COST` beside its bytes, so many tiny frames do not hold more
 *    memory than few large ones.
 * 3. What a peer grants never counts for more than `MOST_WINDOW_BYTES` at a time.
 */
export const FRAME_COST = 256
export const MOST_WINDOW_BYTES = 4 * 1024 * 1024
export const LEAST_WINDOW_BYTES = 4 * 1024

export const frameCost = (bytes: number): number => bytes + FRAME_COST
export const clampWindow = (bytes: number): number =>
  Math.min(MOST_WINDOW_BYTES, Math.max(LEAST_WINDOW_BYTES, Math.floor(bytes)))

export class SendWindow {
  #credit = 0

  grant(bytes: number): void {
    this.#credit = Math.min(MOST_WINDOW_BYTES, this.#credit + bytes)
  }

  /** Spends what one frame of up to `want` bytes costs; 0 while nothing may be sent. */
  take(want: number): number {
    const bytes = Math.min(want, this.#credit - FRAME_COST)
    if (bytes <= 0) return 0
    this.#credit -= frameCost(bytes)
    return bytes
  }
}

export class ReceiveWindow {
  readonly #size: number
  /** Granted and not yet spent by the sender. */
  #granted: number
  /** Read, and not yet granted again. */
  #read = 0

  constructor(size: number) {
    this.#size = size
    this.#granted = size
  }

  /** False when the sender overspent. */
  receive(bytes: number): boolean {
    this.#granted -= frameCost(bytes)
    return this.#granted >= 0
  }

  /** Bytes to grant now that a frame was read; 0 until it is worth a message. */
  read(bytes: number): number {
    this.#read += frameCost(bytes)
    if (this.#read < this.#size / 4) return 0
    const grant = this.#read
    this.#read = 0
    this.#granted += grant
    return grant
  }
}

/** Whether frames come in their order. */
export class Sequence {
  #next = 0

  next(): number {
    const seq = this.#next
    this.#next = (this.#next + 1) % 2 ** 32
    return seq
  }

  /** False for a lost, repeated or reordered frame. */
  accept(seq: number): boolean {
    return seq === this.next()
  }
}
