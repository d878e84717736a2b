/** What an engine sends of a container's output: frames, each with eight bytes before it. Pure. */

const HEADER_BYTES = 8
const LENGTH_AT = 4

/** The text of both streams as they came; a frame that is not whole counts as far as it goes. */
export function textOf(frames: Buffer): string {
  const pieces: Buffer[] = []
  for (let at = 0; at + HEADER_BYTES <= frames.length; ) {
    const length = frames.readUInt32BE(at + LENGTH_AT)
    pieces.push(frames.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length))
    at += HEADER_BYTES + length
  }
  return Buffer.concat(pieces).toString('utf8')
}
