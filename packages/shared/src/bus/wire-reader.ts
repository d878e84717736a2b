/**
 * Follows one direction of a NATS connection while its bytes go by, without holding them up.
 *
 * 1. However the bytes are cut, the frames are the same.
 * 2. A payload is neither looked at nor copied: only its length is counted down.
 * 3. It holds no more than one control line, of `maxLineBytes` at most.
 * 4. What is not the protocol (TLS after the upgrade, a peer that talks nonsense) ends the following
 *    for good: it never guesses where the next frame begins.
 */

const WITHOUT_PAYLOAD = ['INFO', 'CONNECT', 'SUB', 'UNSUB', 'PING', 'PONG', '+OK', '-ERR'] as const
const WITH_PAYLOAD = ['PUB', 'HPUB', 'MSG', 'HMSG'] as const
const VERBS: readonly WireVerb[] = [...WITHOUT_PAYLOAD, ...WITH_PAYLOAD]

/** What either side may say: clients publish and subscribe, servers deliver and complain. */
export type WireVerb = (typeof WITHOUT_PAYLOAD)[number] | (typeof WITH_PAYLOAD)[number]

/** A frame, told when its control line is complete; its payload may still be on its way. */
export type WireFrame = {
  readonly verb: WireVerb
  /** What follows the verb on its line: of `PUB`, `HPUB`, `MSG` and `HMSG` the subject comes first. */
  readonly args: string
  /** Offset of its first byte, counted from the first byte that was followed. */
  readonly at: number
  /** Its control line with the line's end. */
  readonly lineBytes: number
  /** Headers included, the line end behind them not; 0 for frames that have none. */
  readonly payloadBytes: number
  /** Offset behind its last byte: where the next frame begins. */
  readonly end: number
}

export type WireReaderOptions = {
  /** Called once for each frame, in order. It may not throw. */
  readonly onFrame: (frame: WireFrame) => void
  /** Longest control line, in bytes. Default 64 KiB: a server's `INFO` names every server of its cluster. */
  readonly maxLineBytes?: number
}

export interface WireReader {
  /** Takes the next bytes; they may be cut anywhere, and may be reused afterwards. */
  take(chunk: Uint8Array): void
  /** Bytes taken so far. */
  readonly offset: number
  /** Of them, the beginning of a control line whose end has not come. */
  readonly heldBytes: number
  /** Whether the next byte begins a frame. */
  readonly between: boolean
  /** Why the bytes can no longer be followed; `undefined` while they can. */
  readonly lost: string | undefined
}

const LINE_FEED = 0x0a
const END_OF_PAYLOAD = 2

/** Cuts the bytes of one direction of a NATS connection into frames. It keeps no payload, whatever its size. */
export function followWire({ onFrame, maxLineBytes = 64 * 1024 }: WireReaderOptions): WireReader {
  let offset = 0
  let lost: string | undefined
  /** Bytes of the current payload, and the line's end behind it, that are still to come. */
  let toSkip = 0
  /** The beginning of a line whose end has not come. */
  let held: Buffer[] = []
  let heldBytes = 0

  const takeLine = (line: Buffer, at: number): void => {
    const read = readLine(line.toString('utf8'))
    if (read === undefined) {
      lost = 'no line of the protocol'
      return
    }
    const { verb, args, payloadBytes } = read
    toSkip = payloadBytes === undefined ? 0 : payloadBytes + END_OF_PAYLOAD
    const end = at + line.length + toSkip
    onFrame({ verb, args, at, lineBytes: line.length, payloadBytes: payloadBytes ?? 0, end })
  }

  const follow = (bytes: Buffer, base: number): void => {
    let next = 0
    while (next < bytes.length && lost === undefined) {
      if (toSkip > 0) {
        const skipped = Math.min(toSkip, bytes.length - next)
        toSkip -= skipped
        next += skipped
        continue
      }
      const feed = bytes.indexOf(LINE_FEED, next)
      const piece = bytes.subarray(next, feed === -1 ? bytes.length : feed + 1)
      if (heldBytes + piece.length > maxLineBytes) {
        lost = `a line of more than ${maxLineBytes} bytes`
      } else if (feed === -1) {
        held.push(Buffer.from(piece))
        heldBytes += piece.length
      } else {
        const at = base + next - heldBytes
        const line = heldBytes === 0 ? piece : Buffer.concat([...held, piece])
        held = []
        heldBytes = 0
        takeLine(line, at)
      }
      next += piece.length
    }
  }

  return {
    take(chunk) {
      const base = offset
      offset += chunk.length
      if (lost === undefined) follow(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length), base)
    },
    get offset() {
      return offset
    },
    get heldBytes() {
      return heldBytes
    },
    get between() {
      return lost === undefined && heldBytes === 0 && toSkip === 0
    },
    get lost() {
      return lost
    },
  }
}

type Line = { readonly verb: WireVerb; readonly args: string; readonly payloadBytes: number | undefined }

/** `undefined` for what is no line of the protocol. Verbs may be in lower case, as servers allow. */
function readLine(line: string): Line | undefined {
  const text = line.trimEnd()
  const space = text.search(/[ \t]/)
  const given = (space === -1 ? text : text.slice(0, space)).toUpperCase()
  const verb = VERBS.find((each) => each === given)
  if (verb === undefined) return undefined
  const args = space === -1 ? '' : text.slice(space + 1).trimStart()
  if (!WITH_PAYLOAD.some((each) => each === verb)) return { verb, args, payloadBytes: undefined }
  // The length is the last word; servers read no more than nine digits.
  const length = /(?:^|[ \t])(\d{1,9})$/.exec(args)?.[1]
  return length === undefined ? undefined : { verb, args, payloadBytes: Number(length) }
}
