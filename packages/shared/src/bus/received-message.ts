import { type Msg, type MsgHdrs, headers as newHeaders } from 'nats'
import type { BusMessage } from './connection.ts'

/** The client's headers as a plain record; of repeated ones the first. */
export function plainHeaders(message: Msg): Record<string, string> {
  const plain: Record<string, string> = {}
  if (message.headers === undefined) return plain
  for (const key of message.headers.keys()) plain[key] = message.headers.get(key)
  return plain
}

export function clientHeaders(plain: Record<string, string> = {}): MsgHdrs {
  const made = newHeaders()
  for (const [key, value] of Object.entries(plain)) made.set(key, value)
  return made
}

/** A received message; headers are decoded when they are asked for. */
export class ReceivedMessage implements BusMessage {
  readonly #message: Msg
  readonly subject: string
  readonly data: Uint8Array
  readonly reply?: string

  constructor(message: Msg) {
    this.#message = message
    this.subject = message.subject
    this.data = message.data
    if (message.reply) this.reply = message.reply
  }

  get headers(): Record<string, string> {
    return plainHeaders(this.#message)
  }

  json(): unknown {
    return JSON.parse(new TextDecoder().decode(this.data))
  }

  respond(data: Uint8Array | string): void {
    this.#message.respond(data)
  }
}
