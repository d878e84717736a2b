import { styleText } from 'node:util'

/** Colours that are there on a terminal and absent elsewhere; `NO_COLOR` and `FORCE_COLOR` are honoured by Node. */
export type Style = {
  readonly [K in 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan']: (text: string) => string
}

export function styleFor(stream: NodeJS.WriteStream): Style {
  const paint = (format: keyof Style) => (text: string) => styleText(format, text, { stream })
  return {
    bold: paint('bold'),
    dim: paint('dim'),
    green: paint('green'),
    red: paint('red'),
    yellow: paint('yellow'),
    cyan: paint('cyan'),
  }
}

/** For files and tests. */
export const PLAIN: Style = {
  bold: (text) => text,
  dim: (text) => text,
  green: (text) => text,
  red: (text) => text,
  yellow: (text) => text,
  cyan: (text) => text,
}
