import { plainText, sentencesOf } from './inline.ts'
import { clip } from './words.ts'

/** A statement-sized piece of the spec; children are the list below it. */
export type Item = { kind: 'sentence' | 'bullet'; text: string; children: Item[] }
export type Table = { header: string[]; rows: string[][] }
export type Section = {
  title: string
  /** Titles of the sections around it, outermost first, without the title of the document. */
  trail: string[]
  items: Item[]
  tables: Table[]
  /** Fenced blocks, as they are written. */
  code: string[]
}
/** A Markdown document as its sections, in their order. Empty sections are kept: their titles speak. */
export type Outline = { title: string; sections: Section[] }

type OpenHeading = { level: number; title: string }

const FENCE = /^\s*(`{3,}|~{3,})/
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/
const BOLD_LINE = /^\s*\*\*([^*]+?)\*\*:?\s*$/
const LIST_ENTRY = /^(\s*)(?:[-*+•]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?(.*)$/
const RULE = /^\s*(?:[-*_=]\s*){3,}$/
const TABLE_ROW = /^\s*\|(.+)\|\s*$/
const BOLD_LEVEL = 7
const LONGEST_TITLE = 120

/** Reads Markdown, or plain text, of any kind. Never throws. */
export function readOutline(markdown: string): Outline {
  const reader = new OutlineReader()
  const text = markdown
    .replace(/\r\n?/g, '\n')
    .replace(/^---\n[\s\S]*?\n---\n/, '')
    .replace(/<!--[\s\S]*?-->/g, '')
  for (const line of text.split('\n')) reader.take(line.replace(/\t/g, '    ').replace(/^ {0,3}>\s?/, ''))
  return reader.end()
}

const isEmpty = ({ items, tables, code }: Section): boolean => items.length + tables.length + code.length === 0

class OutlineReader {
  readonly #sections: Section[] = [{ title: '', trail: [], items: [], tables: [], code: [] }]
  readonly #open: OpenHeading[] = []
  #title = ''
  #paragraph: string[] = []
  /** The list in progress: its open entries with their indentation, outermost first. */
  #list: { indent: number; item: Item; lines: string[] }[] = []
  #listParent: Item[] | undefined
  #table: Table | undefined
  #code: { fence: string; lines: string[] } | undefined

  take(line: string): void {
    const fence = FENCE.exec(line)?.[1]
    const heading = HEADING.exec(line) ?? (this.#paragraph.length === 0 ? BOLD_LINE.exec(line) : null)
    const row = TABLE_ROW.exec(line)?.[1]
    const entry = LIST_ENTRY.exec(line)
    if (this.#code !== undefined) this.#takeCode(line, this.#code)
    else if (fence !== undefined) this.#startCode(fence)
    else if (heading !== null) this.#takeHeading(heading)
    else if (RULE.test(line)) this.#takeRule(line)
    else if (row !== undefined) this.#takeRow(row)
    else if (entry !== null) this.#takeEntry(entry[1]?.length ?? 0, entry[2] ?? '')
    else this.#takeText(line)
  }

  end(): Outline {
    if (this.#code !== undefined) this.#here.code.push(this.#code.lines.join('\n'))
    this.#flush()
    return {
      title: this.#title,
      sections: this.#sections.filter((section) => section.title !== '' || !isEmpty(section)),
    }
  }

  get #here(): Section {
    const section = this.#sections.at(-1)
    if (section === undefined) throw new RangeError('an outline has at least one section')
    return section
  }

  #startCode(fence: string): void {
    this.#flush()
    this.#code = { fence, lines: [] }
  }

  #takeCode(line: string, code: { fence: string; lines: string[] }): void {
    if (!line.trim().startsWith(code.fence)) {
      code.lines.push(line)
      return
    }
    this.#here.code.push(code.lines.join('\n'))
    this.#code = undefined
  }

  #takeHeading([, mark = '', text = '']: RegExpExecArray): void {
    const bold = !/^#+$/.test(mark)
    this.#startSection(bold ? BOLD_LEVEL : mark.length, bold ? mark : text)
  }

  #startSection(level: number, text: string): void {
    this.#flush()
    const title = clip(plainText(text).replace(/`/g, ''), LONGEST_TITLE)
    while ((this.#open.at(-1)?.level ?? 0) >= level) this.#open.pop()
    if (level === 1 && this.#title === '') {
      this.#title = title
      this.#sections.push({ title: '', trail: [], items: [], tables: [], code: [] })
      return
    }
    this.#sections.push({ title, trail: this.#open.map((open) => open.title), items: [], tables: [], code: [] })
    this.#open.push({ level, title })
  }

  /** A rule under a paragraph makes it a heading, of the kind that is underlined. */
  #takeRule(line: string): void {
    const [only, ...more] = this.#paragraph
    const underline = /^\s*(=+|-+)\s*$/.exec(line)?.[1]
    if (only === undefined || more.length > 0 || underline === undefined) {
      this.#flush()
      return
    }
    this.#paragraph = []
    this.#startSection(underline.startsWith('=') ? 1 : 2, only)
  }

  #takeRow(row: string): void {
    const cells = row.split(/(?<!\\)\|/).map((cell) => plainText(cell))
    if (this.#table === undefined) {
      this.#flush()
      this.#table = { header: cells, rows: [] }
      this.#here.tables.push(this.#table)
    } else if (!cells.every((cell) => /^:?-+:?$/.test(cell))) this.#table.rows.push(cells)
  }

  #takeEntry(indent: number, text: string): void {
    if (this.#list.length === 0) {
      this.#flush()
      const lead = this.#here.items.at(-1)
      this.#listParent = lead !== undefined && /[:：]$/.test(lead.text) ? lead.children : this.#here.items
    }
    while ((this.#list.at(-1)?.indent ?? -1) >= indent) this.#closeEntry()
    const item: Item = { kind: 'bullet', text: '', children: [] }
    const siblings = this.#list.at(-1)?.item.children ?? this.#listParent ?? this.#here.items
    siblings.push(item)
    this.#list.push({ indent, item, lines: [text] })
  }

  #takeText(line: string): void {
    this.#table = undefined
    if (line.trim() === '') {
      this.#flushParagraph()
      // An indented paragraph may still belong to the entry; text at the margin ends the list.
      this.#list.at(-1)?.lines.push('')
      return
    }
    const entry = this.#list.at(-1)
    const lazy = entry !== undefined && entry.lines.at(-1) !== ''
    if (entry !== undefined && (lazy || /^\s{2,}/.test(line))) {
      entry.lines.push(line)
      return
    }
    if (entry !== undefined) this.#flush()
    this.#paragraph.push(line)
  }

  #closeEntry(): void {
    const entry = this.#list.pop()
    if (entry !== undefined) entry.item.text = plainText(entry.lines.join(' '))
  }

  #flushParagraph(): void {
    const text = plainText(this.#paragraph.join(' '))
    this.#paragraph = []
    for (const sentence of sentencesOf(text)) {
      this.#here.items.push({ kind: 'sentence', text: sentence, children: [] })
    }
  }

  #flush(): void {
    while (this.#list.length > 0) this.#closeEntry()
    this.#table = undefined
    this.#flushParagraph()
  }
}
