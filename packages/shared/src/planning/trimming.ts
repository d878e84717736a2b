/**
 * A text without the given characters at its start and end. By hand, since `/[…]+$/` takes
 * quadratic time on a long run of them in the middle of a text that a stranger wrote.
 */
export const trimOf = (text: string, characters: string): string => trimStartOf(trimEndOf(text, characters), characters)

export function trimStartOf(text: string, characters: string): string {
  let start = 0
  while (start < text.length && characters.includes(text.charAt(start))) start++
  return text.slice(start)
}

export function trimEndOf(text: string, characters: string): string {
  let end = text.length
  while (end > 0 && characters.includes(text.charAt(end - 1))) end--
  return text.slice(0, end)
}
