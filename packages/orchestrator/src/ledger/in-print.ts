const MOST = 300

/** A line that a sandbox may have had a hand in, as people may see it: printable characters, and not too many. */
export const inPrint = (text: string): string =>
  text
    .replaceAll(/[\p{C}\p{Z}\s]+/gu, ' ')
    .trim()
    .slice(0, MOST)
    .toWellFormed()
