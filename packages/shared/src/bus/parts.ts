/**
 * A message over the payload limit travels as an ordered set of parts in one stream. Each
 * part says which set it belongs to, and `<number>/<count>`; a set counts once it is whole.
 */
export const PART_HEADER = 'Sf-Part'
const PART = /^([A-Za-z0-9_-]{1,64}) ([1-9][0-9]{0,3})\/([1-9][0-9]{0,3})$/
export const MOST_PARTS = 256
/** Room left in a message for its headers and subject. */
const OVERHEAD = 8 * 1024
/** Sets that may be incomplete at one time before the oldest is given up. */
const MOST_OPEN = 16

export const partHeader = (set: string, number: number, count: number): string => `${set} ${number}/${count}`

/** Pieces that fit; one, possibly empty, when it fits whole. */
export function splitParts(data: Uint8Array, maxPayload: number): Uint8Array[] {
  const size = Math.max(1, maxPayload - OVERHEAD)
  const parts = [data.subarray(0, size)]
  for (let at = size; at < data.length; at += size) parts.push(data.subarray(at, at + size))
  return parts
}

/** Puts sets together from messages in stream order; anything out of order voids its set. */
export class PartCollector {
  readonly #open = new Map<string, { count: number; parts: Uint8Array[] }>()

  /** The whole message, once its last part is given. `source` keeps senders apart. */
  add(source: string, header: string | undefined, data: Uint8Array): Uint8Array | undefined {
    if (header === undefined) return data
    const [, set, number, count] = PART.exec(header) ?? []
    if (set === undefined || Number(count) > MOST_PARTS) return undefined
    const key = `${source} ${set}`
    const known = this.#open.get(key) ?? { count: Number(count), parts: [] }
    this.#open.delete(key)
    if (known.count !== Number(count) || known.parts.length + 1 !== Number(number)) return undefined
    known.parts.push(data)
    if (known.parts.length === known.count) return Buffer.concat(known.parts)
    this.#open.set(key, known)
    const oldest = this.#open.keys().next()
    if (this.#open.size > MOST_OPEN && !oldest.done) this.#open.delete(oldest.value)
    return undefined
  }
}
