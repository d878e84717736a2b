/** Text as one word of a POSIX shell. */
export const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

/** A line of output that begins a part; the parts of one command are told apart by it. */
export const part = (name: string): string => `echo ${quoted(`@@ ${name}`)}`

/** The parts of an output by name, as their lines. What precedes the first one (a shell's complaints) is dropped. */
export function partsOf(output: string): Map<string, string[]> {
  const parts = new Map<string, string[]>()
  let lines: string[] | undefined
  for (const line of output.split('\n')) {
    const name = /^@@ (.+)$/.exec(line)?.[1]
    if (name !== undefined) {
      lines = []
      parts.set(name, lines)
    } else if (line.trim() !== '') lines?.push(line)
  }
  return parts
}

/** Lists the files of the workspace, those of ignored and vendored folders left out; works without git too. */
export const LIST_FILES = [
  'git -c core.quotepath=off ls-files -co --exclude-standard 2>/dev/null',
  String.raw`find . -type f -not -path '*/.git/*' 2>/dev/null | sed 's|^\./||'`,
].join(' || ')

/** Folders whose content is not the project's own work. */
export const FOREIGN = String.raw`(^|/)(node_modules|vendor|third_party|\.venv|venv|dist|build|target|out|coverage|__pycache__|\.next|\.specfleet)/`
