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
    .replace(/!\[[^\]]*\]\([^)]*\)/g, '')
    .replace(/\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])/g, '$1')
    .replace(/<(https?:[^>]+)>/g, '$1')
    .replace(/<\/?[a-z][^>]*>/gi, ' ')
    .replace(/\*\*|__(?=\S)|(?<=\S)__|~~/g, '')
    .replace(/(?<![\w*])\*(?=\S)([^*]+)\*(?![\w*])/g, '$1')
    .replace(/(?<!\w)_(?=\S)([^_]+)_(?!\w)/g, '$1')
    .replace(/&(amp|lt|gt|quot|nbsp|#39);/g, (_, name: string) => ENTITIES[name] ?? '')
    .replace(/\\([\\`*_{}[\]()#+.!|-])/g, '$1')
}

/** Abbreviations whose full stop ends no sentence. */
const ABBREVIATION = /(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|no|fig|max|min|incl|resp)|\b[A-Z])\.$/i

/** The sentences of a paragraph. Nothing is cut inside code, numbers, paths or abbreviations. */
export function sentencesOf(paragraph: string): string[] {
  const sentences: string[] = []
  let current = ''
  for (const piece of paragraph.split(/(?<=[.!?][)"'’”]?)\s+(?=[\p{Lu}\p{N}`"'“(])/u)) {
    current = current === '' ? piece : `${current} ${piece}`
    if (ABBREVIATION.test(current) || (current.match(/`/g) ?? []).length % 2 === 1) continue
    sentences.push(current)
    current = ''
  }
  return (current === '' ? sentences : [...sentences, current]).map((sentence) => sentence.trim()).filter(Boolean)
}
