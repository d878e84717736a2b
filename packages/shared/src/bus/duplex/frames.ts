import * as z from 'zod'
import { WireError } from '../../contract/errors.ts'
import { MessageId } from '../../contract/ids.ts'
import { parseJson } from '../json.ts'

/**
 * A frame is one message: a kind (1 byte), a number (4 bytes, big-endian) and a payload.
 * Numbers count every frame of one direction of one call from 0, so a lost, repeated or
 * reordered frame is seen at the next one.
 *
 *   open    up, first    length (4 bytes) of a JSON head, the head, body bytes
 *   head    down         the same: the head of the answer
 *   data    both         body bytes
 *   end     both         nothing: the body is complete
 *   credit  both         4 bytes: so much more may be sent this way
 *   cancel  both         JSON error: the call is over
 *   ping    both         nothing: still here
 */
const KINDS = ['open', 'head', 'data', 'end', 'credit', 'cancel', 'ping'] as const
export type FrameKind = (typeof KINDS)[number]
export type Frame = { kind: FrameKind; seq: number; payload: Uint8Array }

const HEADER_BYTES = 5
const MOST_SEQ = 0xffff_ffff

export function encodeFrame({ kind, seq, payload }: Frame): Uint8Array {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + payload.length)
  bytes[0] = KINDS.indexOf(kind) + 1
  bytes.writeUInt32BE(seq % (MOST_SEQ + 1), 1)
  bytes.set(payload, HEADER_BYTES)
  return bytes
}

/** `undefined` for anything that is no frame. Never throws. */
export function decodeFrame(bytes: Uint8Array): Frame | undefined {
  const kind = KINDS[(bytes[0] ?? 0) - 1]
  if (kind === undefined || bytes.length < HEADER_BYTES) return undefined
  return { kind, seq: readUint32(bytes, 1), payload: bytes.subarray(HEADER_BYTES) }
}

const readUint32 = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at)

export function encodeCredit(bytes: number): Uint8Array {
  const payload = Buffer.allocUnsafe(4)
  payload.writeUInt32BE(Math.min(bytes, MOST_SEQ))
  return payload
}

export const decodeCredit = (payload: Uint8Array): number | undefined =>
  payload.length === 4 ? readUint32(payload, 0) : undefined

/** Largest JSON `meta` of a call, in bytes. */
export const MOST_META_BYTES = 32 * 1024 * 1024
const size = z.number().int().positive().max(MOST_META_BYTES)

/** What stands in front of a body. A `meta` too large for one frame is the body's first `metaBytes`. */
const Head = z.object({
  meta: z.unknown().optional(),
  metaBytes: size.optional(),
  /** The body is complete with this frame. */
  end: z.boolean(),
})
export const AnswerHead = Head
export type AnswerHead = z.infer<typeof AnswerHead>

/** How much one side takes at a time, and after which silence it gives up. */
export const PeerTerms = z.object({
  windowBytes: z.number().int().positive(),
  idleMs: z.number().positive(),
})
export type PeerTerms = z.infer<typeof PeerTerms>

/** Answer to an opening frame. */
export const Acceptance = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), ...PeerTerms.shape }),
  z.object({ ok: z.literal(false), error: WireError }),
])
export type Acceptance = z.infer<typeof Acceptance>

export const OpenHead = Head.extend({ v: z.literal(1), call: MessageId, ...PeerTerms.shape })
export type OpenHead = z.infer<typeof OpenHead>

const LENGTH_BYTES = 4

export function encodeHead(head: OpenHead | AnswerHead, body: Uint8Array): Uint8Array {
  const json = Buffer.from(JSON.stringify(head), 'utf8')
  const length = Buffer.allocUnsafe(LENGTH_BYTES)
  length.writeUInt32BE(json.length)
  return Buffer.concat([length, json, body])
}

/** `undefined` when it is malformed. Never throws. */
export function decodeHead<T>(payload: Uint8Array, schema: z.ZodType<T>): { head: T; body: Uint8Array } | undefined {
  if (payload.length < LENGTH_BYTES) return undefined
  const end = LENGTH_BYTES + readUint32(payload, 0)
  if (end > payload.length) return undefined
  const head = schema.safeParse(parseJson(payload.subarray(LENGTH_BYTES, end)))
  return head.success ? { head: head.data, body: payload.subarray(end) } : undefined
}
