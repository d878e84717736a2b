import type { CallBody } from './call.ts'
import { SendWindow } from './flow.ts'

/** The body that goes out, as fast as the peer grants. */
export class Outbound {
  readonly #window = new SendWindow()
  readonly #send: (bytes: Uint8Array) => void
  readonly #frameBytes: number
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  #stopped = false
  #reason: unknown
  #wake = (): void => undefined

  constructor(frameBytes: number, send: (bytes: Uint8Array) => void) {
    this.#frameBytes = frameBytes
    this.#send = send
  }

  grant(bytes: number): void {
    this.#window.grant(bytes)
    this.#wake()
  }

  /** Sends a body whole; false when it was stopped before. Rejects with what the body's source throws. */
  async pump(body: CallBody): Promise<boolean> {
    if (body instanceof Uint8Array) return this.#sendAll(body)
    if (this.#stopped) {
      await body.cancel(this.#reason)
      return false
    }
    const reader = body.getReader()
    this.#reader = reader
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return !this.#stopped
        if (!(await this.#sendAll(value))) return false
      }
    } finally {
      this.#reader = undefined
    }
  }

  /** Sends nothing more and lets go of the source. */
  async stop(reason: unknown): Promise<void> {
    this.#stopped = true
    this.#reason = reason
    this.#wake()
    await this.#reader?.cancel(reason)
  }

  async #sendAll(bytes: Uint8Array): Promise<boolean> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#stopped) return false
      const size = this.#window.take(Math.min(this.#frameBytes, bytes.length - at))
      if (size > 0) {
        this.#send(bytes.subarray(at, at + size))
        at += size
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
    return !this.#stopped
  }
}
