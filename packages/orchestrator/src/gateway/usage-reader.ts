import * as z from 'zod'
import { parseIfJson } from '../parse-if-json.ts'
import type { CallTokens } from './prices.ts'

/** What an answer said of itself. */
export type CallReport = {
  readonly model: string | undefined
  readonly tokens: CallTokens
  /** Whether it came to its own end. */
  readonly complete: boolean
}

const count = z.number().int().nonnegative().nullish()
const WireUsage = z.looseObject({
  input_tokens: count,
  output_tokens: count,
  cache_read_input_tokens: count,
  cache_creation_input_tokens: count,
  cache_creation: z.looseObject({ ephemeral_5m_input_tokens: count, ephemeral_1h_input_tokens: count }).nullish(),
})
type WireUsage = z.infer<typeof WireUsage>
const WireMessage = z.looseObject({ model: z.string().optional(), usage: WireUsage.optional() })
const WireEvent = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('message_start'), message: WireMessage }),
  z.looseObject({ type: z.literal('message_delta'), usage: WireUsage.optional() }),
  z.looseObject({ type: z.literal('message_stop') }),
])

const MOST_LINE = 256 * 1024
const MOST_JSON = 4 * 1024 * 1024

/**
 * Reads what an answer of the Messages API costs while it passes by. It never changes or
 * delays a byte, and what it cannot read it leaves uncounted.
 */
export class UsageReader {
  readonly #streaming: boolean
  readonly #decoder = new TextDecoder()
  #text = ''
  #skipping = false
  #model: string | undefined
  #usage: WireUsage = {}
  #complete = false

  constructor(contentType: string | undefined) {
    this.#streaming = contentType?.startsWith('text/event-stream') ?? false
  }

  see(chunk: Uint8Array): void {
    this.#text += this.#decoder.decode(chunk, { stream: true })
    if (this.#streaming) this.#readLines()
    else if (this.#text.length > MOST_JSON) this.#text = ''
  }

  end(): CallReport {
    if (!this.#streaming) this.#readWhole()
    const { cache_creation: made, ...usage } = this.#usage
    const written = usage.cache_creation_input_tokens ?? 0
    const hour = made?.ephemeral_1h_input_tokens ?? 0
    return {
      model: this.#model,
      tokens: {
        input: usage.input_tokens ?? 0,
        output: usage.output_tokens ?? 0,
        cacheRead: usage.cache_read_input_tokens ?? 0,
        cacheWrite5m: made?.ephemeral_5m_input_tokens ?? Math.max(0, written - hour),
        cacheWrite1h: hour,
      },
      complete: this.#complete,
    }
  }

  #readLines(): void {
    let from = 0
    for (let to = this.#text.indexOf('\n'); to >= 0; to = this.#text.indexOf('\n', from)) {
      if (!this.#skipping) this.#readLine(this.#text.slice(from, to))
      this.#skipping = false
      from = to + 1
    }
    this.#text = this.#text.slice(from)
    if (this.#text.length <= MOST_LINE) return
    this.#skipping = true
    this.#text = ''
  }

  #readLine(line: string): void {
    // Most lines are deltas of text, which say nothing of usage.
    if (!line.startsWith('data:') || !line.includes('"message_')) return
    const event = WireEvent.safeParse(parseIfJson(line.slice('data:'.length)))
    if (!event.success) return
    if (event.data.type === 'message_start') this.#note(event.data.message)
    if (event.data.type === 'message_delta') this.#note({ usage: event.data.usage })
    if (event.data.type === 'message_stop') this.#complete = true
  }

  #readWhole(): void {
    const message = WireMessage.safeParse(parseIfJson(this.#text))
    if (!message.success) return
    this.#note(message.data)
    this.#complete = message.data.usage !== undefined
  }

  /** Later counts are totals and replace earlier ones. */
  #note({ model, usage }: z.infer<typeof WireMessage>): void {
    this.#model = model ?? this.#model
    const given = Object.entries(usage ?? {}).filter(([, value]) => value !== null && value !== undefined)
    this.#usage = { ...this.#usage, ...Object.fromEntries(given) }
  }
}
