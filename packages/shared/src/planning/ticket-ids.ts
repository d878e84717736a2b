import { TicketId } from '../contract/ids.ts'
import { trimOf } from './trimming.ts'

/** Longest id; shorter ones can be a subject token, a folder and a branch. */
const MAX_LENGTH = 64
const HASH_LENGTH = 13
/** The local ids of a plan, as in `TSK-001`: unmistakable behind a spec id. */
const PLAIN_LOCAL_ID = /^[A-Z]+-\d+$/

/**
 * The id of the execution ticket of a task: `<specId>-<localId>`, always the same for the same
 * two, and of letters, digits, `_` and `-` alone. Where the plain form would be longer than 64
 * characters, hold others or be ambiguous, a hash of both ids behind it keeps it unique.
 */
export function ticketIdOf(specId: string, localId: string): TicketId {
  const plain = `${specId}-${localId}`
  if (PLAIN_LOCAL_ID.test(localId) && /^[A-Za-z0-9_-]+$/.test(specId) && plain.length <= MAX_LENGTH)
    return TicketId.parse(plain)
  const local = slug(localId).slice(0, 24)
  const room = MAX_LENGTH - HASH_LENGTH - local.length - 2
  const readable = [slug(specId).slice(0, room), local].filter(Boolean).join('-')
  return TicketId.parse(`${readable}-${hash(`${specId}\n${localId}`)}`.replace(/^-/, ''))
}

const slug = (text: string): string => trimOf(text.replace(/[^A-Za-z0-9_-]+/g, '-'), '-')

/** 64 bits of two multiplicative hashes; against accidents, not against attackers. */
function hash(text: string): string {
  let low = 0x811c9dc5
  let high = 0x9e3779b9
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    low = Math.imul(low ^ code, 0x01000193)
    high = Math.imul(high ^ code, 0x85ebca6b)
    high ^= high >>> 13
  }
  const bits = (BigInt(mixed(high)) << 32n) | BigInt(mixed(low))
  return bits.toString(36).padStart(HASH_LENGTH, '0')
}

function mixed(word: number): number {
  const once = Math.imul(word ^ (word >>> 16), 0x7feb352d)
  const twice = Math.imul(once ^ (once >>> 15), 0x846ca68b)
  return (twice ^ (twice >>> 16)) >>> 0
}
