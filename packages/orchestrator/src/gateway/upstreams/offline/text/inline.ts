const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', nbsp: ' ', '#39': "'" }

/** One line of Markdown as plain text. Code keeps its backticks: they protect what must stay as it is written. */
export function plainText(markdown: string): string {
  const parts = markdown.split(/(`[^`]+`)/)
  return parts
    .map((part, index) => (index % 2 === 1 ? part : withoutMarkup(part)))
    .join('')
    .replace(/\s+/g, ' ')
    .trim()
}

function withoutMarkup(text: string): string {
  return text
    .replace(/!\[[^[\]]{0,300}\]\([^()]{0,2000}\)/g, '')
    .replace(/\[([^[\]]{1,300})\](?:\([^()]{0,2000}\)|\[[^[\]]{0,300}\])/g, '$1')
    .replace(/<(https?:[^<>]{1,2000})>/g, '$1')
    .replace(/<\/?[a-z][^<>]{0,300}>/gi, ' ')
    .replace(/\*\*|__(?=\S)|(?<=\S)__|~~/g, '')
    .replace(/(?<![\w*])\*(?=\S)([^*]+)\*(?![\w*])/g, '$1')
    .replace(/(?<!\w)_(?=\S)([^_]+)_(?!\w)/g, '$1')
    .replace(/&(amp|lt|gt|quot|nbsp|#39);/g, (_, name: string) => ENTITIES[name] ?? '')
    .replace(/\\([\\`*_{}[\]()#+.!|-])/g, '$1')
}

/** Abbreviations whose full stop ends no sentence. */
const ABBREVIATION = /(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|no|fig|max|min|incl|resp)|\b[A-Z])\.$/i

/** Longest an abbreviation before the end of a sentence may be, its full stop included. */
const TAIL = 12

/** The sentences of a paragraph. Nothing is cut inside code, numbers, paths or abbreviations. */
export function sentencesOf(paragraph: string): string[] {
  const sentences: string[] = []
  let pieces: string[] = []
  let ticks = 0
  for (const piece of paragraph.split(/(?<=[.!?][)"'’”]?)\s+(?=[\p{Lu}\p{N}`"'“(])/u)) {
    pieces.push(piece)
    ticks += piece.split('`').length - 1
    if (ticks % 2 === 1 || ABBREVIATION.test(piece.slice(-TAIL))) continue
    sentences.push(pieces.join(' '))
    pieces = []
    ticks = 0
  }
  return [...sentences, pieces.join(' ')].map((sentence) => sentence.trim()).filter(Boolean)
}
