import type { Duplex } from 'node:stream'
import { SpecfleetError } from '@specfleet/shared'

const HEADER_BYTES = 8
const LENGTH_AT = 4
/** Longest line that is listened to, in bytes; the words are shorter by far. */
const MAX_LINE = 4 * 1024

/**
 * A talk with the worker in a container, over its attached input and output: it says lines, and is told one text.
 * What the engine sends comes in frames, each with eight bytes before it, cut anyhow.
 */
export class Conversation implements Disposable {
  readonly #stream: Duplex
  #frames: Buffer = Buffer.alloc(0)
  #rest = ''
  readonly #said: string[] = []
  #onLine: () => void = () => {}
  #over = false
  /** Settles when nothing more can be said on either side. */
  readonly ended: Promise<void>

  constructor(stream: Duplex) {
    this.#stream = stream
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    stream.on('data', (bytes: Buffer) => this.#take(bytes))
    stream.on('error', () => stream.destroy())
    const end = () => {
      this.#over = true
      this.#onLine()
      resolve()
    }
    stream.once('end', end)
    stream.once('close', end)
  }

  /**
   * Resolves when the next line is that word.
   * @throws SpecfleetError `provider.failed` when it is another, or none comes any more; or the signal's reason
   */
  async hear(word: string, signal: AbortSignal): Promise<void> {
    const line = await this.#nextLine(signal)
    if (line === word) return
    throw new SpecfleetError(
      'provider.failed',
      `a worker was to say "${word}", and ${line === undefined ? 'ended' : 'said something else'}`,
    )
  }

  /** Its input ends behind the text; with none, that tells it that nobody needs it. */
  tell(text = ''): void {
    this.#stream.end(text)
  }

  /** Leaves the worker as it is. */
  [Symbol.dispose](): void {
    this.#stream.destroy()
  }

  /** `undefined` when none will come. */
  #nextLine(signal: AbortSignal): Promise<string | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<string | undefined>()
    const look = () => {
      if (this.#said.length === 0 && !this.#over && !signal.aborted) return
      // What comes next is for whoever asks next.
      this.#onLine = () => {}
      signal.removeEventListener('abort', look)
      if (this.#said.length > 0 || this.#over) resolve(this.#said.shift())
      else reject(signal.reason)
    }
    this.#onLine = look
    signal.addEventListener('abort', look, { once: true })
    look()
    return promise
  }

  #take(bytes: Buffer): void {
    this.#frames = Buffer.concat([this.#frames, bytes])
    while (this.#frames.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + this.#frames.readUInt32BE(LENGTH_AT)
      if (this.#frames.length < end) break
      this.#rest += this.#frames.toString('utf8', HEADER_BYTES, end)
      this.#frames = this.#frames.subarray(end)
    }
    const lines = this.#rest.split('\n')
    this.#rest = lines.pop() ?? ''
    if (Math.max(this.#rest.length, this.#frames.length) > MAX_LINE) this.#stream.destroy()
    if (lines.length === 0) return
    this.#said.push(...lines)
    this.#onLine()
  }
}
