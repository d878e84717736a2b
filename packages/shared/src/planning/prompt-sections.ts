/**
 * The one text format in which prompts carry data:
 *
 *     <name key="value">
 *     body
 *     </name>
 *
 * 1. Tags stand at the start of a line. A body is carried character by character.
 * 2. Inside a body, the closing tag of its own section gets a backslash behind its `<`, and one
 *    more where there are some already; so no body can end its section, and all of it comes back.
 * 3. Text between sections is for the reader alone and is skipped when parsing.
 */
export interface Section {
  /** Lower-case letters, digits, `_` and `-`, a letter first. */
  name: string
  attributes: Readonly<Record<string, string>>
  body: string
}

const NAME = '[a-z][a-z0-9_-]*'
const WHOLE_NAME = new RegExp(`^${NAME}$`)
const OPENING = new RegExp(`^<(${NAME})((?: ${NAME}="[^"\\n]*")*)>$`)
const ATTRIBUTE = new RegExp(` (${NAME})="([^"\\n]*)"`, 'g')
const CLOSING = new RegExp(`^</(${NAME})>$`)

/** Renders sections, one after the other. Throws a `RangeError` for a name that could not be read back. */
export const renderSections = (sections: readonly Section[]): string => sections.map(renderSection).join('\n\n')

function renderSection({ name, attributes, body }: Section): string {
  const entries = Object.entries(attributes)
  for (const each of [name, ...entries.map(([key]) => key)]) {
    if (!WHOLE_NAME.test(each)) throw new RangeError(`"${each}" is no name for a section or an attribute`)
  }
  const opening = [name, ...entries.map(([key, value]) => `${key}="${escapeAttribute(value)}"`)].join(' ')
  return `<${opening}>\n${escapeBody(name, body)}\n</${name}>`
}

/** The sections of a text in their order. Never throws; a section without its end is text. Linear in the text. */
export function parseSections(text: string): Section[] {
  const lines = text.split('\n')
  const endsOf = closingLines(lines)
  const sections: Section[] = []
  for (let at = 0; at < lines.length; at++) {
    const [, name = '', attributes = ''] = OPENING.exec(lines[at] ?? '') ?? []
    const end = name === '' ? undefined : firstBehind(endsOf.get(name), at)
    if (end === undefined) continue
    sections.push({
      name,
      attributes: parseAttributes(attributes),
      body: unescapeBody(name, lines.slice(at + 1, end).join('\n')),
    })
    at = end
  }
  return sections
}

/** Line numbers of closing tags by name, first line last so that they can be popped. */
function closingLines(lines: readonly string[]): Map<string, number[]> {
  const endsOf = new Map<string, number[]>()
  for (let at = lines.length - 1; at >= 0; at--) {
    const name = CLOSING.exec(lines[at] ?? '')?.[1]
    if (name === undefined) continue
    const ends = endsOf.get(name)
    if (ends === undefined) endsOf.set(name, [at])
    else ends.push(at)
  }
  return endsOf
}

/** The first line number behind `line`; earlier ones are dropped for good, since parsing only goes forward. */
function firstBehind(ends: number[] | undefined, line: number): number | undefined {
  while (ends !== undefined && ends.length > 0 && (ends[ends.length - 1] ?? 0) <= line) ends.pop()
  return ends?.[ends.length - 1]
}

function parseAttributes(text: string): Record<string, string> {
  const found = [...text.matchAll(ATTRIBUTE)].map(
    ([, key = '', value = '']) => [key, unescapeAttribute(value)] as const,
  )
  return Object.fromEntries(found)
}

const escapeBody = (name: string, body: string): string =>
  body.replace(new RegExp(`<(\\\\*)/${name}>`, 'g'), `<$1\\/${name}>`)

const unescapeBody = (name: string, body: string): string =>
  body.replace(new RegExp(`<\\\\(\\\\*)/${name}>`, 'g'), `<$1/${name}>`)

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '"': '&quot;',
  '<': '&lt;',
  '>': '&gt;',
  '\n': '&#10;',
  '\r': '&#13;',
}
const CHARACTERS = Object.fromEntries(Object.entries(ENTITIES).map(([character, entity]) => [entity, character]))

const escapeAttribute = (value: string): string =>
  value.replace(/[&"<>\n\r]/g, (character) => ENTITIES[character] ?? character)
const unescapeAttribute = (value: string): string =>
  value.replace(/&(?:amp|quot|lt|gt|#10|#13);/g, (entity) => CHARACTERS[entity] ?? entity)
