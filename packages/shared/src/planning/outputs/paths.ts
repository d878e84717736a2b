import { trimEndOf, trimOf } from '../trimming.ts'

/** A path as a model writes it, without quotes, `./`, a line number or a trailing slash. */
export function cleanPath(text: string): string {
  const bare = trimOf(text.trim(), '`\'"')
    .replace(/:\d{1,9}(?:-\d{1,9})?$/, '')
    .replaceAll('\\', '/')
    .replace(/^(?:\.\/)+/, '')
  return bare.length > 1 ? trimEndOf(bare, '/') : bare
}

/** Whether a free text is a path rather than prose, a command or an address. */
export const looksLikePath = (text: string): boolean =>
  !/[\s*?<>{}|]|:\/\//.test(text) && (text.includes('/') || /\.[A-Za-z0-9]{1,8}$/.test(text))

/** Whether a relative path stays inside the folder that it starts from. */
export function staysInside(path: string): boolean {
  if (path === '' || path.startsWith('/') || /^[A-Za-z]:/.test(path) || path.includes('\0')) return false
  return !path.split(/[\\/]/).includes('..')
}
