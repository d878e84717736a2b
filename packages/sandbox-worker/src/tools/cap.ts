import type { ToolContent } from './tool.ts'

/** Longest text of a tool result, in characters: about 25,000 tokens. */
export const MAX_RESULT_CHARS = 100_000
/** How much of what is kept comes from the beginning. */
const HEAD_SHARE = 0.7

/** Cuts the middle out of a text that is too long, and says so in its place. */
export function capText(text: string, most = MAX_RESULT_CHARS): string {
  if (text.length <= most) return text
  const note = (left: number) => `\n[… ${left} characters left out here: ask for less at a time …]\n`
  const room = Math.max(0, most - note(text.length).length)
  const head = Math.floor(room * HEAD_SHARE)
  const tail = room - head
  return `${text.slice(0, head)}${note(text.length - room)}${tail === 0 ? '' : text.slice(-tail)}`
}

/** The same for a whole result: its text blocks share the room, other blocks stay as they are. */
export function capContent(content: ToolContent, most = MAX_RESULT_CHARS): ToolContent {
  if (typeof content === 'string') return capText(content, most)
  let room = most
  return content.map((block) => {
    if (block.type !== 'text') return block
    const text = capText(block.text, room)
    room = Math.max(0, room - text.length)
    return { ...block, text }
  })
}

/** Bytes of a result's text. */
export const sizeOf = (content: ToolContent): number =>
  typeof content === 'string'
    ? Buffer.byteLength(content)
    : content.reduce((sum, block) => sum + (block.type === 'text' ? Buffer.byteLength(block.text) : 0), 0)
