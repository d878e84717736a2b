import stringWidth from 'string-width'

export type Column = {
  title: string
  align?: 'left' | 'right'
  /** Takes what width is left and is wrapped; at most one column should. */
  flexible?: boolean
}

const GAP = '  '
const NARROWEST_FLEXIBLE = 16

const pad = (text: string, width: number, align: 'left' | 'right'): string => {
  const space = ' '.repeat(Math.max(0, width - stringWidth(text)))
  return align === 'right' ? space + text : text + space
}

/** Breaks at spaces; a word longer than the width is cut. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/)) {
    let rest = word
    if (line !== '' && stringWidth(line) + 1 + stringWidth(rest) > width) {
      lines.push(line)
      line = ''
    }
    while (stringWidth(rest) > width) {
      const piece = [...rest].slice(0, width).join('')
      lines.push(piece)
      rest = rest.slice(piece.length)
    }
    line = line === '' ? rest : `${line} ${rest}`
  }
  lines.push(line)
  return lines
}

function columnWidths(columns: readonly Column[], rows: readonly (readonly string[])[], total: number): number[] {
  const natural = columns.map((column, at) =>
    Math.max(stringWidth(column.title), ...rows.map((row) => stringWidth(row[at] ?? ''))),
  )
  const flexible = columns.findIndex((column) => column.flexible === true)
  if (flexible < 0) return natural
  const others = natural.reduce((sum, width, at) => (at === flexible ? sum : sum + width), 0)
  const left = total - others - GAP.length * (columns.length - 1)
  return natural.map((width, at) => (at === flexible ? Math.min(width, Math.max(NARROWEST_FLEXIBLE, left)) : width))
}

/**
 * Aligned columns under a header and a rule. `width` is the terminal's, in cells; the
 * flexible column is wrapped into what the others leave.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  options: { width: number; header?: (text: string) => string },
): string[] {
  const widths = columnWidths(columns, rows, options.width)
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => pad(cell, widths[at] ?? 0, columns[at]?.align ?? 'left'))
      .join(GAP)
      .trimEnd()
  const header = options.header ?? ((text: string) => text)
  const out = [header(line(columns.map((column) => column.title))), widths.map((width) => '─'.repeat(width)).join(GAP)]
  for (const row of rows) {
    const wrapped = columns.map((column, at) =>
      column.flexible === true ? wrap(row[at] ?? '', widths[at] ?? NARROWEST_FLEXIBLE) : [row[at] ?? ''],
    )
    const height = Math.max(...wrapped.map((cell) => cell.length))
    for (let at = 0; at < height; at++) out.push(line(wrapped.map((cell) => cell[at] ?? '')))
  }
  return out
}
