import { createLogUpdate } from 'log-update'
import { type Style, styleFor } from './render/style.ts'

/** Where a command writes: results to standard output, everything else to standard error. */
export type Terminal = {
  readonly style: Style
  /** In cells. */
  readonly width: number
  readonly interactive: boolean
  /** A line of the result. */
  print(line?: string): void
  /** The result as JSON. */
  printJson(value: unknown): void
  /** One of many results, as a line of JSON. */
  printJsonLine(value: unknown): void
  /** A line that is not part of the result. */
  note(line: string): void
  /** Lines that replace those of the last call, on a terminal only. */
  live(lines: readonly string[]): void
  /** Leaves the live lines as they are and goes on below them. */
  settle(): void
}

export function openTerminal(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): Terminal {
  const interactive = stdout.isTTY === true
  const update = createLogUpdate(stdout)
  return {
    style: styleFor(stdout),
    width: stdout.columns ?? 120,
    interactive,
    print: (line = '') => void stdout.write(`${line}\n`),
    printJson: (value) => void stdout.write(`${JSON.stringify(value, null, 2)}\n`),
    printJsonLine: (value) => void stdout.write(`${JSON.stringify(value)}\n`),
    note: (line) => void stderr.write(`${line}\n`),
    live: (lines) => {
      if (interactive) update(lines.join('\n'))
    },
    settle: () => {
      if (interactive) update.done()
    },
  }
}
