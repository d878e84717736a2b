const LONGEST = 160

/** What a text says first, on one line: for places where the whole of it stands elsewhere. */
export function headline(text: string): string {
  const [first = ''] = text.trim().split('\n', 1)
  const rest = first.length < text.trim().length
  if (first.length > LONGEST) return `${first.slice(0, LONGEST - 1)}…`
  return rest ? `${first} …` : first
}
