import type { Piece } from './frames.ts'

/** A message as it crosses a connection, in either direction. */
export type Message = {
  readonly subject: string
  readonly reply: string | undefined
  /** The header block as it was sent, or nothing. */
  readonly headers: string
  readonly payload: Buffer
}

/** How many words stand on the control line besides subject and reply: lengths, and of a delivery who gets it. */
const OTHER_WORDS = { PUB: 1, HPUB: 2, MSG: 2, HMSG: 3 } as const

/** `undefined` for a frame that is no message. */
export function readMessage({ bytes, frame }: Piece): Message | undefined {
  if (frame === undefined) return undefined
  const { verb, args, lineBytes, payloadBytes } = frame
  if (verb !== 'PUB' && verb !== 'HPUB' && verb !== 'MSG' && verb !== 'HMSG') return undefined
  const words = args.split(/[ \t]+/)
  const delivered = verb === 'MSG' || verb === 'HMSG'
  const reply = words.length > OTHER_WORDS[verb] + 1 ? words[delivered ? 2 : 1] : undefined
  const body = bytes.subarray(lineBytes, lineBytes + payloadBytes)
  const headerBytes = verb === 'HPUB' || verb === 'HMSG' ? Math.min(Number(words.at(-2)), body.length) : 0
  return {
    subject: words[0] ?? '',
    reply,
    headers: body.subarray(0, headerBytes).toString('latin1'),
    payload: body.subarray(headerBytes),
  }
}

/** The value of a header, the first of that name; servers do not care for upper and lower case. */
export function headerOf({ headers }: Message, name: string): string | undefined {
  const wanted = `${name.toLowerCase()}:`
  const line = headers.split('\r\n').find((each) => each.toLowerCase().startsWith(wanted))
  return line?.slice(wanted.length).trim()
}
